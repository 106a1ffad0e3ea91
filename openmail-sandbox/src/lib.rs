//! OpenMail on a laptop.
