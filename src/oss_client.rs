//! oss_client.
