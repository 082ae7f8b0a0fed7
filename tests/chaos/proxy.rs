//! A wire that can be slow, stuck, cut, refused, or lose what comes back: TCP, between any two of the parts.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
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
    /// Carries what is asked and swallows the answers; what was open meanwhile is reset in the end.
    LoseAnswers,
}

/// Where a wire may lead.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Nobody is there.
    Nobody,
    /// A port.
    Tcp(SocketAddr),
    /// A socket in a folder.
    Unix(PathBuf),
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
    targets: Mutex<Vec<Target>>,
    next: AtomicUsize,
    state: watch::Sender<State>,
    open: Mutex<Open>,
}

/// Connections that a client has made and not ended.
#[derive(Debug, Default)]
struct Open {
    now: usize,
    most: usize,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            open: Mutex::default(),
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

    /// One place among the targets, counted from 0, leads there from now on.
    pub(crate) fn set_target(&self, place: usize, target: Target) {
        let mut targets = self.inner.targets.lock().unwrap();
        if targets.len() <= place {
            targets.resize(place + 1, Target::Nobody);
        }
        targets[place] = target;
    }

    /// How many connections were open at the same time, at most.
    pub(crate) fn most_open(&self) -> usize {
        self.inner.open.lock().unwrap().most
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
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            inner.note_open();
            carry(client, &inner).await;
            inner.open.lock().unwrap().now -= 1;
        });
    }
}

async fn carry(mut client: TcpStream, inner: &Inner) {
    let state = inner.state.subscribe();
    let cuts = state.borrow().1;
    if state.borrow().0 == Mode::Refuse {
        return reset(&client);
    }
    let over = match inner.connect().await {
        None => Over::Broken,
        Some(End::Tcp(mut server)) => {
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let over = both_ways(client.split(), server.split(), &state, cuts).await;
            if over == Over::Broken {
                reset(&server);
            }
            over
        }
        Some(End::Unix(mut server)) => both_ways(client.split(), server.split(), &state, cuts).await,
    };
    if over == Over::Broken {
        reset(&client);
    }
}

/// A connection to a target.
enum End {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Inner {
    fn note_open(&self) {
        let mut open = self.open.lock().unwrap();
        open.now += 1;
        open.most = open.most.max(open.now);
    }

    /// The next target that takes a connection; each is tried once, as a balancer does.
    async fn connect(&self) -> Option<End> {
        let targets = self.targets.lock().unwrap().clone();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for turn in 0..targets.len() {
            let end = match &targets[(first + turn) % targets.len()] {
                Target::Nobody => continue,
                Target::Tcp(address) => TcpStream::connect(address).await.map(End::Tcp),
                Target::Unix(path) => UnixStream::connect(path).await.map(End::Unix),
            };
            if let Ok(end) = end {
                return Some(end);
            }
        }
        None
    }
}

/// Carries until the client is done, or one way is broken.
async fn both_ways(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    state: &watch::Receiver<State>,
    cuts: u64,
) -> Over {
    let asking = Way { state: state.clone(), cuts, is_answer: false }.copy(client.0, server.1);
    let answering = Way { state: state.clone(), cuts, is_answer: true }.copy(server.0, client.1);
    tokio::pin!(asking, answering);
    tokio::select! {
        // Nobody here stops asking and goes on listening.
        over = &mut asking => over,
        over = &mut answering => match over {
            Over::Broken => Over::Broken,
            Over::Ended => asking.await,
        },
    }
}

/// One way of a connection.
struct Way {
    state: watch::Receiver<State>,
    /// How often everything had been cut when the connection began.
    cuts: u64,
    is_answer: bool,
}

impl Way {
    async fn copy(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Over {
        let mut buffer = vec![0; 16 * 1024];
        let mut was_lossy = false;
        loop {
            let (mode, cuts) = *self.state.borrow_and_update();
            let is_lossy = mode == Mode::LoseAnswers && self.is_answer;
            if cuts != self.cuts || mode == Mode::Refuse || (was_lossy && !is_lossy) {
                return Over::Broken;
            }
            was_lossy = is_lossy;
            let read = tokio::select! {
                changed = self.state.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Over::Broken,
                },
                read = from.read(&mut buffer), if mode != Mode::Hang => read,
            };
            match read {
                Ok(0) if is_lossy => return Over::Broken,
                Ok(0) => {
                    let _ = to.shutdown().await;
                    return Over::Ended;
                }
                Err(_) => return Over::Broken,
                Ok(_) if is_lossy => {}
                Ok(length) => {
                    if let Mode::Slow(delay) = mode {
                        sleep(delay).await;
                    }
                    if to.write_all(&buffer[..length]).await.is_err() {
                        return Over::Broken;
                    }
                }
            }
        }
    }
}

/// Makes the end look like an accident.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
