//! A connection that ends when its client is too slow.
//!
//! The HTTP library times the head of the first request of a connection, and the silence after an answer; not the head of a later
//! request, nor an answer that nobody takes. Here each phase has its end.

use std::{
    cell::Cell,
    future::Future,
    io,
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    rt::net::TcpStream,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// What who sent too slow a head is told; nothing else is being said to it.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// The library's own time-outs come first: it says goodbye in order.
const AFTER_THE_LIBRARY: Duration = Duration::from_secs(1);

/// How many bytes a connection is given before all others have their turn: most requests are shorter. Those that are sent ahead by the
/// thousand are answered one after the other without a pause, and nobody else is served meanwhile.
const TURN: usize = 2 * 1024;

/// Whether a request of the connection is being answered; connection data.
#[derive(Debug, Clone, Default)]
pub struct InHand(Rc<Cell<bool>>);

/// Middleware: a request that is being answered takes the time that it takes.
///
/// # Errors
/// Those of the inner service.
pub async fn take_in_hand<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let in_hand = request.request().conn_data::<InHand>().cloned().unwrap_or_default();
    in_hand.0.set(true);
    let answered = next.call(request).await;
    in_hand.0.set(false);
    answered
}

/// What the client has to do next, and since when.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Send the rest of a head.
    Head(Instant),
    /// Nothing: it waits for us.
    Answer,
    /// Begin another request, or go.
    Silence(Instant),
}

/// A connection with an end to each of its phases.
pub(super) struct Paced {
    io: TcpStream,
    head: Duration,
    silence: Duration,
    phase: Phase,
    in_hand: InHand,
    /// Since when the client has taken nothing of what is there for it.
    stuck_since: Option<Instant>,
    /// Bytes of this turn.
    given: usize,
    /// Not later than the end of the phase.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    /// A connection whose first bytes have come.
    pub(super) fn new(io: TcpStream, head: Duration, silence: Duration) -> Self {
        Self {
            io,
            head: head + AFTER_THE_LIBRARY,
            silence: silence + AFTER_THE_LIBRARY,
            phase: Phase::Head(Instant::now()),
            in_hand: InHand::default(),
            stuck_since: None,
            given: 0,
            alarm: None,
        }
    }

    pub(super) fn in_hand(&self) -> InHand {
        self.in_hand.clone()
    }

    /// When the client must have done its part.
    fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Head(since) => Some(since + self.head),
            Phase::Answer => None,
            Phase::Silence(since) => Some(since + self.silence),
        };
        let stuck = self.stuck_since.map(|since| since + self.silence);
        phase.into_iter().chain(stuck).min()
    }

    /// To be asked whenever the client has nothing for us: an error once it has had its time.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(deadline) = self.deadline() else { return Ok(()) };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        // An alarm may be of an earlier phase: moving it each time would cost more than a call in vain.
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                if matches!(self.phase, Phase::Head(_)) && self.stuck_since.is_none() {
                    let _ = self.io.try_write(TOO_SLOW);
                }
                return Err(io::ErrorKind::TimedOut.into());
            }
            alarm.as_mut().reset(deadline);
        }
        Ok(())
    }

    fn note_read(&mut self) {
        if matches!(self.phase, Phase::Silence(_)) {
            self.phase = Phase::Head(Instant::now());
        }
    }

    fn note_written(&mut self) {
        self.phase = Phase::Silence(Instant::now());
        self.stuck_since = None;
    }
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.in_hand.0.get() {
            self.phase = Phase::Answer;
        }
        // Who takes no answers gives no more work: being able to write wakes us.
        if self.stuck_since.is_some() {
            self.poll_patience(cx)?;
            return Poll::Pending;
        }
        if self.given >= TURN {
            self.given = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut room = [MaybeUninit::uninit(); TURN];
        let most = buffer.remaining().min(TURN - self.given);
        let mut piece = ReadBuf::uninit(&mut room[..most]);
        match Pin::new(&mut self.io).poll_read(cx, &mut piece) {
            Poll::Pending => {
                self.given = 0;
                self.poll_patience(cx)?;
                Poll::Pending
            }
            Poll::Ready(done) => {
                self.given += piece.filled().len();
                buffer.put_slice(piece.filled());
                self.note_read();
                Poll::Ready(done)
            }
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Pending => {
                if self.stuck_since.is_none() {
                    self.stuck_since = Some(Instant::now());
                }
                self.poll_patience(cx)?;
                Poll::Pending
            }
            Poll::Ready(done) => {
                if self.stuck_since.is_some() {
                    // Nothing was read meanwhile: there may be something.
                    cx.waker().wake_by_ref();
                }
                self.note_written();
                Poll::Ready(done)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_hours(1);

    async fn connected(head: Duration, silence: Duration) -> (Paced, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (io, _) = listener.accept().await.unwrap();
        (Paced::new(io, head, silence), client)
    }

    #[tokio::test]
    async fn who_takes_nothing_of_its_answer_is_cut_off() {
        let (mut paced, client) = connected(LONG, SHORT).await;
        let more_than_fits = vec![b'x'; 64 << 20];
        let cut_off = paced.write_all(&more_than_fits).await.unwrap_err();
        assert_eq!(cut_off.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test]
    async fn a_head_ends_with_its_time_and_an_answer_takes_its_own() {
        let (mut paced, mut client) = connected(SHORT, LONG).await;
        let (in_hand, mut byte) = (paced.in_hand(), [0]);
        client.write_all(b"ab").await.unwrap();
        in_hand.0.set(true);
        paced.read_exact(&mut byte).await.unwrap();
        assert!(matches!(paced.phase, Phase::Answer) && paced.deadline().is_none());
        in_hand.0.set(false);
        paced.write_all(b"answer").await.unwrap();
        assert!(matches!(paced.phase, Phase::Silence(_)));
        paced.read_exact(&mut byte).await.unwrap();
        assert!(matches!(paced.phase, Phase::Head(_)), "another request has begun");
        let cut_off = paced.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(cut_off.kind(), io::ErrorKind::TimedOut);
        drop(paced);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, [b"answer", TOO_SLOW].concat());
    }
}
