//! A runtime for AI agents with an OpenMail inbox.
