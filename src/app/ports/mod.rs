//! What the use cases need of the world, as traits. Shells implement them; they do not know each other.

mod caller;
mod credentials;
mod hook;
mod object_store;
mod outbox;
mod retention;
mod store;

pub use self::{
    caller::{Authenticator, Caller, KeySetStatus, Unauthenticated},
    credentials::{
        Credential, CredentialState, CredentialStatus, Credentials, CredentialsUnavailable, Session, TokenError,
        TokenService,
    },
    hook::{Hook, HookAnswer, HookUnavailable},
    object_store::{
        Joined, ListedObject, ObjectFacts, ObjectPage, ObjectStore, ObjectStoreError, PendingUpload, UnfinishedUpload,
    },
    outbox::{
        Claimed, Delivery, DeliveryClaim, DeliveryStanding, DeliveryState, EventFilter, Fate, Message, Outbox,
        OutboxEntry, OutgoingEvent, Replay, Settled, Settlement, Sink, SinkAnswer, SinkDepth,
    },
    retention::{Purge, PurgeStep, Purged},
    store::{
        CheckClaim, ClaimedCheck, GrantAdded, GrantChange, GrantChanged, GrantFilter, IdempotencyClaim, Ledger,
        LedgerEntry, NewGrant, NextCheck, Store, StoreError,
    },
};
