//! A wire that can be slow, stuck, cut, refused, or lose what comes back: TCP, between any two of the parts.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Carries everything.
    Open,
    /// Carries everything, each piece so much later.
    Slow(Duration),
    /// Connects, and carries nothing until it does something else.
    Hang,
    /// Resets what is open and whoever comes.
    Refuse,
    /// Carries what is asked and swallows the answers; what has lost one is reset in the end.
    LoseAnswers,
}

/// What every connection watches: the mode, and how often everything was cut.
type State = (Mode, u64);

/// Listens on a free port and carries to whichever target takes the connection.
pub(crate) struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

struct Inner {
    targets: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    state: watch::Sender<State>,
}

/// Why a connection is over.
enum Over {
    /// Both sides are done.
    Ended,
    /// It must look like an accident.
    Broken,
}

impl Proxy {
    /// Carries nothing before it has targets.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            targets: Mutex::default(),
            next: AtomicUsize::new(0),
            state: watch::Sender::new((Mode::Open, 0)),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Self { address, inner, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:…`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One place among the targets, counted from 0, has this address from now on; without one nobody is there.
    pub(crate) fn set_target(&self, place: usize, address: Option<SocketAddr>) {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut targets = self.inner.targets.lock().unwrap();
        if targets.len() <= place {
            targets.resize(place + 1, nobody);
        }
        targets[place] = address.unwrap_or(nobody);
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.inner.state.send_modify(|state| state.0 = mode);
    }

    /// Resets every open connection; the next one is carried again.
    pub(crate) fn cut(&self) {
        self.inner.state.send_modify(|state| state.1 += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    loop {
        // Only running out of descriptors fails here; it passes.
        let Ok((client, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        tokio::spawn(carry(client, Arc::clone(&inner)));
    }
}

async fn carry(client: TcpStream, inner: Arc<Inner>) {
    let state = inner.state.subscribe();
    if state.borrow().0 == Mode::Refuse {
        return reset(client);
    }
    let Some(server) = inner.connect().await else { return reset(client) };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let cuts = state.borrow().1;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let asking = Direction { from: from_client, to: to_server, state: state.clone(), cuts, is_answer: false };
    let answering = Direction { from: from_server, to: to_client, state, cuts, is_answer: true };
    let (mut asking, mut answering) = (tokio::spawn(asking.run()), tokio::spawn(answering.run()));
    // Whoever ends first decides; where it is broken, the other way is taken down too.
    let ((first, over), other) = tokio::select! {
        done = &mut asking => (done.unwrap(), &mut answering),
        done = &mut answering => (done.unwrap(), &mut asking),
    };
    if matches!(over, Over::Broken) {
        let _ = first.to.as_ref().set_zero_linger();
        let _ = first.from.as_ref().set_zero_linger();
        other.abort();
        return;
    }
    if let Ok((second, Over::Broken)) = other.await {
        let _ = second.to.as_ref().set_zero_linger();
        let _ = second.from.as_ref().set_zero_linger();
    }
}

impl Inner {
    /// The next target that takes a connection; each is tried once, as a balancer does.
    async fn connect(&self) -> Option<TcpStream> {
        let targets = self.targets.lock().unwrap().clone();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for turn in 0..targets.len() {
            let target = targets[(first + turn) % targets.len()];
            if target.port() != 0
                && let Ok(stream) = TcpStream::connect(target).await
            {
                return Some(stream);
            }
        }
        None
    }
}

/// One way of a connection.
struct Direction {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    state: watch::Receiver<State>,
    /// How often everything had been cut when the connection began.
    cuts: u64,
    is_answer: bool,
}

impl Direction {
    async fn run(mut self) -> (Self, Over) {
        let over = self.copy().await;
        (self, over)
    }

    async fn copy(&mut self) -> Over {
        let mut buffer = vec![0; 16 * 1024];
        let mut swallowed = false;
        loop {
            let (mode, cuts) = *self.state.borrow_and_update();
            let is_lossy = mode == Mode::LoseAnswers && self.is_answer;
            if cuts != self.cuts || mode == Mode::Refuse || (swallowed && !is_lossy) {
                return Over::Broken;
            }
            let read = tokio::select! {
                changed = self.state.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Over::Broken,
                },
                read = self.from.read(&mut buffer), if mode != Mode::Hang => read,
            };
            match read {
                Ok(0) if swallowed => return Over::Broken,
                Ok(0) => {
                    let _ = self.to.shutdown().await;
                    return Over::Ended;
                }
                Err(_) => return Over::Broken,
                Ok(_) if is_lossy => swallowed = true,
                Ok(length) => {
                    if let Mode::Slow(delay) = mode {
                        sleep(delay).await;
                    }
                    if self.to.write_all(&buffer[..length]).await.is_err() {
                        return Over::Broken;
                    }
                }
            }
        }
    }
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}
