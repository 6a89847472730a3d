"""API keys: unknown ones, what each role may do, revocation, and what the SDK tells about a key."""

import re

from programs import python, tecton as command

STRANGER = "not-a-key-of-this-deployment"
# What somebody may do, each with the word of what came of it.
TRY = """
import datetime, tecton

def tried(call):
    try:
        call()
        return "yes"
    except Exception as error:
        return type(error.__cause__ or error).__name__

at = datetime.datetime.utcfromtimestamp(0)
view = lambda name: tecton.get_workspace("prod").get_feature_view(name)
print(
    tried(lambda: view("carrier_delays").summary()),
    tried(lambda: view("carrier_delays").get_online_features({"carrier": "UA"})),
    tried(lambda: view("flight_record").trigger_materialization_job(at, at, online=True, offline=True)),
)
"""
LOOKUP = "import tecton; tecton.get_workspace('prod').get_feature_view('carrier_delays')"
LOOKUP += ".get_online_features({'carrier': 'UA'})"


def strangers(check, scene, release):
    """A key that nobody knows opens nothing."""
    read, online, trigger = tried(STRANGER)
    check.same("keys: an unknown one may not read", read, "PermissionError")
    said = python("import tecton; tecton.list_workspaces()", TECTON_API_KEY=STRANGER)
    check.words("keys: the refusal says what to do", said, ["PermissionError", "key"])
    check.holds("keys: it does not tell the key", STRANGER not in said, said)


def roles(check, scene, release):
    """A window of no length is refused with INVALID to whoever may trigger."""
    no, bad = "PermissionError", release.BAD_WINDOW
    wanted = {
        "viewer": ("yes", release.NO_LOOKUP, no),
        "consumer": ("yes", "yes", no),
        "operator": ("yes", release.NO_LOOKUP, bad),
        "editor": ("yes", "yes", bad),
        "owner": ("yes", "yes", bad),
    }
    for role, answers in wanted.items():
        key = scene.fvtop("keys", "create", "sdk-" + role, "--role", role)["key"]
        check.same("keys: read, look up, trigger as %s" % role, tried(key), answers)
        if role == "viewer":
            check.words("keys: a refused lookup says who may", python(LOOKUP, TECTON_API_KEY=key), [role, "consumer"])
    scene.fvtop_said("keys", "revoke", "sdk-viewer", "--yes")
    revoked = scene.fvtop("keys", "create", "sdk-gone", "--role", "owner")["key"]
    check.same("keys: one that is let in", tried(revoked)[0], "yes")
    scene.fvtop_said("keys", "revoke", "sdk-gone", "--yes")
    check.same("keys: is let in no longer once it is revoked", tried(revoked)[0], no)


def tried(key):
    """What came of reading, looking up and triggering with that key."""
    return tuple(python(TRY, TECTON_API_KEY=key).split(" "))


def introspection(check, scene, release):
    """The SDK's command tells what a key is, and never prints it."""
    known = {key["id"]: key for key in scene.fvtop("keys", "list")}
    code, text = command("api-key", "introspect", scene.key)
    found = [key for id, key in known.items() if id in text]
    check.same("keys: introspection gives the id", (code, len(found)), (0, 1))
    check.holds("keys: of an active key, whose text it does not print", "True" in text and scene.key not in text, text)
    code, text = command("api-key", "introspect", STRANGER)
    check.holds(
        "keys: an unknown one has no id", code != 0 and not re.search("[0-9a-f]{32}", text.splitlines()[-1]), text
    )
