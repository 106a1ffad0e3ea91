//! The page in the browser: files that are part of the program.

mod routes;

pub(crate) use routes::router;
