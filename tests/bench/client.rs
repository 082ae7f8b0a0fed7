//! A lean HTTP/1.1 client: connections kept alive, requests made beforehand, just enough read of each answer.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::LocalSet,
};

/// The share of requests that comes first and is not measured.
const WARM_UP: usize = 20;

/// What is to be sent.
pub(crate) struct Load {
    /// The connections are spread over these evenly.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) requests: Vec<Vec<u8>>,
    /// How many in all; the requests are sent in turn.
    pub(crate) repeat: usize,
    pub(crate) connections: usize,
    /// What every answer must be.
    pub(crate) status: u16,
    /// Whether answers have the body that their length tells; those to HEAD have none.
    pub(crate) bodies: bool,
    /// How many answers' bodies are kept.
    pub(crate) keep: usize,
}

/// What came of it.
pub(crate) struct Measured {
    /// Requests a second.
    pub(crate) rate: f64,
    /// What the server's threads used for one request; filled in by who knows the server.
    pub(crate) server_cpu_micros: f64,
    /// How many were measured.
    pub(crate) count: usize,
    pub(crate) kept: Vec<Vec<u8>>,
    latencies: Vec<Duration>,
}

impl Measured {
    pub(crate) fn percentile(&self, share: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * share / 100]
    }
}

impl Load {
    /// Each request once, over so many connections; `200` expected, nothing kept.
    pub(crate) fn new(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) -> Self {
        Self {
            addresses: vec![address],
            repeat: requests.len(),
            requests,
            connections,
            status: 200,
            bodies: true,
            keep: 0,
        }
    }

    /// Sends everything, the first part of it unmeasured.
    pub(crate) async fn run(self) -> Measured {
        self.run_between(|| {}).await
    }

    /// As [`Self::run`]; tells when the warm-up is over.
    pub(crate) async fn run_between(self, mut warm: impl FnMut()) -> Measured {
        let warm_up = self.repeat / WARM_UP;
        let mut connections = Vec::new();
        for address in self.addresses.iter().cycle().take(self.connections) {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            connections.push(Connection { stream, buffer: vec![0; 64 * 1024] });
        }
        let share = Rc::new(Share {
            next: Cell::new(0),
            end: Cell::new(warm_up),
            latencies: RefCell::new(Vec::with_capacity(self.repeat)),
            kept: RefCell::default(),
            load: self,
        });
        connections = share.send_all(connections).await;
        share.latencies.borrow_mut().clear();
        share.end.set(share.load.repeat);
        warm();
        let began = Instant::now();
        share.send_all(connections).await;
        let elapsed = began.elapsed();

        let mut latencies = share.latencies.take();
        latencies.sort_unstable();
        let count = share.load.repeat - warm_up;
        let rate = f64::from(u32::try_from(count).unwrap()) / elapsed.as_secs_f64();
        Measured { rate, server_cpu_micros: 0.0, count, kept: share.kept.take(), latencies }
    }
}

/// What all connections work on together.
struct Share {
    load: Load,
    next: Cell<usize>,
    end: Cell<usize>,
    latencies: RefCell<Vec<Duration>>,
    kept: RefCell<Vec<Vec<u8>>>,
}

impl Share {
    async fn send_all(self: &Rc<Self>, connections: Vec<Connection>) -> Vec<Connection> {
        let local = LocalSet::new();
        let tasks: Vec<_> = connections.into_iter().map(|one| local.spawn_local(Rc::clone(self).work(one))).collect();
        let mut connections = Vec::new();
        local.await;
        for task in tasks {
            connections.push(task.await.unwrap());
        }
        connections
    }

    /// One connection's part: the next request there is, until there is none.
    async fn work(self: Rc<Self>, mut connection: Connection) -> Connection {
        while self.next.get() < self.end.get() {
            let number = self.next.replace(self.next.get() + 1);
            let request = &self.load.requests[number % self.load.requests.len()];
            let began = Instant::now();
            let (status, body) = connection.exchange(request, self.load.bodies).await;
            self.latencies.borrow_mut().push(began.elapsed());
            assert_eq!(status, self.load.status, "{}", String::from_utf8_lossy(body));
            if self.kept.borrow().len() < self.load.keep {
                self.kept.borrow_mut().push(body.to_vec());
            }
        }
        connection
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends one request and reads its whole answer.
    async fn exchange(&mut self, request: &[u8], with_body: bool) -> (u16, &[u8]) {
        self.stream.write_all(request).await.unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            let Some((body, end)) = body_range(&self.buffer[..filled]) else { continue };
            let end = if with_body { end } else { body };
            if filled >= end {
                assert_eq!(filled, end, "more than was asked for");
                let status = std::str::from_utf8(&self.buffer[9..12]).unwrap().parse().unwrap();
                return (status, &self.buffer[body..end]);
            }
        }
    }
}

/// Where the body begins and ends, once the head is complete.
fn body_range(answer: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let at = answer[..head].windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH));
    let digits = &answer[at.expect("every answer tells its length") + LENGTH.len()..head];
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = length.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Some((head + 4, head + 4 + length))
}
