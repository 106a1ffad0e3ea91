//! The program around it all.
