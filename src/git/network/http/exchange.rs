//! A request and its answer as gix wants them: headers and a body to read, and one to write.

use std::io::{self, BufRead, Cursor, Read, Write};
use std::mem;
use std::sync::{Arc, Mutex};

use super::super::allowance::Limited;
use super::request::{Answer, Request};
use super::{Session, lock};

pub(super) type Shared = Arc<Mutex<Exchange>>;

/// A request that is sent when its answer is first read: by then its body is written.
pub(super) enum Exchange {
    Waiting(Box<Request>),
    Answered(Answer),
    Failed,
}

impl Exchange {
    pub(super) fn waiting(request: Request) -> Shared {
        Arc::new(Mutex::new(Exchange::Waiting(Box::new(request))))
    }

    pub(super) fn answered(answer: Answer) -> Shared {
        Arc::new(Mutex::new(Exchange::Answered(answer)))
    }

    fn answer(&mut self) -> io::Result<&mut Answer> {
        if let Exchange::Waiting(_) = self
            && let Exchange::Waiting(request) = mem::replace(self, Exchange::Failed)
        {
            *self = Exchange::Answered(request.send()?);
        }
        match self {
            Exchange::Answered(answer) => Ok(answer),
            Exchange::Waiting(_) | Exchange::Failed => {
                Err(io::Error::other("the request has failed before"))
            }
        }
    }
}

pub(super) struct Headers {
    exchange: Shared,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    pub(super) fn of(exchange: &Shared) -> Self {
        Headers {
            exchange: Arc::clone(exchange),
            lines: None,
        }
    }

    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let lines = mem::take(&mut lock(&self.exchange).answer()?.headers);
            self.lines = Some(Cursor::new(lines));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

pub(super) struct Reply {
    session: Session,
    exchange: Shared,
    body: Option<Limited<Box<dyn BufRead + Send>>>,
    failed: bool,
}

impl Reply {
    pub(super) fn of(session: &Session, exchange: &Shared) -> Self {
        Reply {
            session: session.clone(),
            exchange: Arc::clone(exchange),
            body: None,
            failed: false,
        }
    }

    fn body(&mut self) -> io::Result<&mut Limited<Box<dyn BufRead + Send>>> {
        if self.body.is_none() {
            let body = lock(&self.exchange).answer()?.body.take();
            self.body = body.map(|body| Limited::new(body, &self.session));
        }
        self.body
            .as_mut()
            .ok_or_else(|| io::Error::other("the reply was read before"))
    }
}

impl Read for Reply {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body()?.read(buffer);
        self.failed |= read.is_err();
        self.session.noting(read)
    }
}

impl BufRead for Reply {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.body()?.fill_buf() {
            self.failed = true;
            return self.session.noting(Err(error));
        }
        self.body()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(body) = &mut self.body {
            body.consume(amount);
        }
    }
}

impl Drop for Reply {
    /// A reply that was read completely leaves the connection for the next request. After a pack,
    /// gix leaves the final packet unread.
    fn drop(&mut self) {
        const REST: usize = 1 << 16;
        let Some(body) = self.body.as_mut().filter(|_| !self.failed) else {
            return;
        };
        let mut read = 0;
        while read < REST {
            let Ok(length @ 1..) = body.fill_buf().map(<[u8]>::len) else {
                return;
            };
            body.consume(length);
            read += length;
        }
    }
}

pub(super) struct Upload(pub Shared);

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *lock(&self.0) {
            Exchange::Waiting(request) => request.upload.write(bytes),
            Exchange::Answered(_) | Exchange::Failed => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
