//! The console.

pub mod action;
pub mod ages;
pub mod app;
pub mod chord;
pub mod effect;
pub mod field;
pub mod keymap;
pub mod pace;
pub mod phase;
pub mod query;
pub mod screen;
pub mod text;
pub mod theme;
