//! Large answers in pieces.

use std::convert::Infallible;

use actix_web::{
    body::{MessageBody, SizedStream},
    web::Bytes,
};
use futures_util::stream;

/// Bytes of a piece: as many as the HTTP library buffers by itself.
const PIECE: usize = 32 * 1024;

/// A body of which a piece is made when the client has taken those before it. A whole one is buffered at once, and as often as requests
/// were sent ahead: a hundred clients that take nothing would cost gigabytes.
pub(super) fn in_pieces(whole: Bytes) -> impl MessageBody + 'static {
    let length = whole.len();
    let pieces = (0..length).step_by(PIECE).map(move |from| whole.slice(from..length.min(from + PIECE)));
    SizedStream::new(length as u64, stream::iter(pieces.map(Ok::<_, Infallible>)))
}

#[cfg(test)]
mod tests {
    use actix_web::body::{BodySize, to_bytes};

    use super::*;

    #[actix_web::test]
    async fn the_pieces_are_the_whole_and_its_length_is_told() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let whole: Bytes = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let body = in_pieces(whole.clone());
            assert_eq!(body.size(), BodySize::Sized(length as u64));
            assert_eq!(to_bytes(body).await.ok(), Some(whole));
        }
    }

    #[actix_web::test]
    async fn no_piece_is_large() {
        assert!(in_pieces(Bytes::from(vec![0; 2 * PIECE])).try_into_bytes().is_err());
    }
}
