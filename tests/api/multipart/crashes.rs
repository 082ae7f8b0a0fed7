//! A crash at any point between our row and OSS leaves nothing stuck.
