"""Counts and prints checks; one that fails is said, and the rest still run."""


class Checks:
    def __init__(self):
        self.count = 0
        self.failed = []

    def holds(self, what, condition, shown=""):
        """`shown`: what was found instead."""
        self.count += 1
        if condition:
            print("ok %d %s" % (self.count, what), flush=True)
        else:
            self.failed.append(what)
            print("not ok %d %s: %s" % (self.count, what, shown), flush=True)
        return bool(condition)

    def same(self, what, found, wanted):
        return self.holds(what, found == wanted, "%r instead of %r" % (found, wanted))

    def words(self, what, text, wanted):
        """Each of the words stands in the text."""
        missing = [word for word in wanted if word not in text]
        return self.holds(what, not missing, "%r lacks %r" % (text, missing))

    def refused(self, what, call, kind, *wanted):
        """The call raises an error whose class is named `kind`, with these words in its message."""
        try:
            answer = call()
        except Exception as error:
            said = "%s: %s" % (type(error).__name__, error)
            missing = [word for word in wanted if word not in str(error)]
            return self.holds(what, type(error).__name__ == kind and not missing, said)
        return self.holds(what, False, "no error, but %r" % (answer,))

    def part(self, tour, *arguments):
        """A part of the tour; what it raises is a failed check, and the next part still runs."""
        try:
            return tour(self, *arguments)
        except Exception as error:
            self.holds("%s goes to its end" % tour.__name__, False, "%s: %s" % (type(error).__name__, error))
            return None

    def end(self):
        """The exit code."""
        print("%d checks, %d failed" % (self.count, len(self.failed)), flush=True)
        return 1 if self.failed else 0
