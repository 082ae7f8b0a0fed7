//! Size and type limits: what may be uploaded under a profile, and whether what arrived keeps to its grant.
