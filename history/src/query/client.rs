//! The process that answers statements, as its parent sees it: started, watched, asked, and killed when it takes too
//! much memory or a
//! statement gives it no rest. One that ended is replaced at once.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;

use super::wire::{self, Asked, Told};
use super::worker::spilled;
use crate::health::{Health, Part};

/// How the process is started.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// What it is told to open.
    pub settings: serde_json::Value,
    /// Where it keeps what does not fit in memory.
    pub scratch: PathBuf,
    /// Where it is said if it cannot be started.
    pub health: Health,
}

/// What the process may take beyond what its statements may: what it needs by itself, and what nobody counts.
pub const BESIDE: u64 = 192 << 20;
/// How often its memory is looked at while statements run, and while none does.
const LOOK: Duration = Duration::from_millis(25);
const LOOK_IDLE: Duration = Duration::from_millis(500);
/// A statement that was answered or cancelled gives its threads back within so long.
const GRACE: Duration = Duration::from_secs(1);
/// It is ready within so long.
const START: Duration = Duration::from_secs(30);
/// Pause before another try, which doubles.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// It is waited for at the end for so long.
const END: Duration = Duration::from_secs(5);

/// Why a statement was not answered.
#[derive(Debug, Clone)]
pub enum Lost {
    /// Killed, because statements took too much memory.
    Memory,
    /// Killed, because another statement was over and went on.
    Beside,
    /// It ended by itself.
    Died(String),
    /// Nobody is to be asked any more.
    Ending,
    /// It cannot be started.
    Unfit(String),
}

/// An answer's last message, its body, and the rows before it.
pub struct Reply {
    pub rows: Vec<Vec<u8>>,
    pub told: Told,
    pub body: Vec<u8>,
}

#[derive(Clone)]
enum State {
    Starting,
    Up(Arc<Link>),
    Down(String),
}

/// The process, or the one that takes its place.
pub struct Child {
    state: watch::Receiver<State>,
    ending: watch::Sender<bool>,
    kept: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

type Replies = mpsc::UnboundedSender<(Told, Vec<u8>)>;

/// One process.
struct Link {
    requests: mpsc::UnboundedSender<(Asked, Vec<u8>)>,
    /// Who waits for what; none once it ended.
    waiting: Mutex<Option<HashMap<u64, Replies>>>,
    next: AtomicU64,
    kill: Notify,
    why: Mutex<Option<Lost>>,
}

impl Child {
    /// Starts it, inside a runtime, and keeps one running. `memory` is what its statements may take.
    pub fn start(launch: Launch, memory: u64) -> Self {
        let (ending, end) = watch::channel(false);
        let (up, state) = watch::channel(State::Starting);
        let kept = tokio::spawn(keep(launch, memory.saturating_add(BESIDE), up, end));
        Child { state, ending, kept: tokio::sync::Mutex::new(Some(kept)) }
    }

    /// Asks, and waits for the answer. Whoever waits no longer has cancelled it; `permit` is given back when nothing of
    /// it runs any more.
    pub async fn ask(
        &self,
        head: impl Fn(u64) -> Asked,
        body: Vec<u8>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Reply, Lost> {
        let link = self.up().await?;
        let Some(mut running) = link.begin(head, body, permit) else { return Err(link.why()) };
        let mut rows = Vec::new();
        loop {
            match running.replies.recv().await {
                Some((Told::Rows { .. }, piece)) => rows.push(piece),
                Some((told, body)) => {
                    running.answered = true;
                    return Ok(Reply { rows, told, body });
                }
                None => {
                    running.over = true;
                    return Err(link.why());
                }
            }
        }
    }

    async fn up(&self) -> Result<Arc<Link>, Lost> {
        let mut state = self.state.clone();
        let now = state.wait_for(|s| !matches!(s, State::Starting)).await;
        match now.as_deref() {
            Ok(State::Up(link)) => Ok(link.clone()),
            Ok(State::Down(why)) => Err(Lost::Unfit(why.clone())),
            Ok(State::Starting) | Err(_) => Err(Lost::Ending),
        }
    }

    /// Ends it; who waits is told.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Ends it, and waits until it has.
    pub async fn ended(&self) {
        self.end();
        if let Some(kept) = self.kept.lock().await.take() {
            let _ = tokio::time::timeout(END, kept).await;
        }
    }
}

impl Link {
    fn begin(
        self: &Arc<Self>,
        head: impl Fn(u64) -> Asked,
        body: Vec<u8>,
        permit: OwnedSemaphorePermit,
    ) -> Option<Running> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (to, replies) = mpsc::unbounded_channel();
        self.with(|waiting| waiting.insert(id, to))?;
        let _ = self.requests.send((head(id), body));
        Some(Running { id, link: self.clone(), replies, permit: Some(permit), answered: false, over: false })
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<u64, Replies>) -> T) -> Option<T> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(f)
    }

    fn why(&self) -> Lost {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        why.unwrap_or_else(|| Lost::Died("for an unknown reason".into()))
    }

    fn because(&self, why: Lost) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Whoever waits is told why it ended.
    fn over(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_busy(&self) -> bool {
        self.with(|waiting| !waiting.is_empty()).unwrap_or_default()
    }
}

/// A statement that was asked. Dropped before its answer, it is cancelled.
struct Running {
    id: u64,
    link: Arc<Link>,
    replies: mpsc::UnboundedReceiver<(Told, Vec<u8>)>,
    permit: Option<OwnedSemaphorePermit>,
    answered: bool,
    /// Its process is gone.
    over: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (id, link) = (self.id, self.link.clone());
        if self.over {
            link.with(|waiting| waiting.remove(&id));
            return;
        }
        if !self.answered {
            let _ = link.requests.send((Asked::Cancel { id }, Vec::new()));
        }
        let (_, none) = mpsc::unbounded_channel();
        let mut replies = std::mem::replace(&mut self.replies, none);
        let permit = self.permit.take();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let gone = async {
                while let Some((told, _)) = replies.recv().await {
                    if let Told::Gone { .. } = told {
                        return;
                    }
                }
            };
            if tokio::time::timeout(GRACE, gone).await.is_err() {
                tracing::warn!("a statement that is over goes on: the process that answers statements is ended");
                link.because(Lost::Beside);
                link.kill.notify_one();
            }
            link.with(|waiting| waiting.remove(&id));
            drop(permit);
        });
    }
}

/// Keeps a process running until the end.
async fn keep(launch: Launch, most: u64, up: watch::Sender<State>, mut end: watch::Receiver<bool>) {
    let mut pause = PAUSE.0;
    loop {
        let began = Instant::now();
        let ran = one(&launch, most, &up, &mut end).await;
        if let State::Up(link) = &*up.borrow() {
            link.because(ran.as_ref().err().cloned().unwrap_or(Lost::Ending));
            link.over();
        }
        match ran {
            Ok(()) | Err(Lost::Ending) => return,
            Err(Lost::Unfit(what)) => {
                let what = format!("statements cannot be answered: {what}");
                launch.health.fails(Part::Sql, &what);
                up.send_replace(State::Down(what));
            }
            Err(why) => {
                tracing::warn!("the process that answers statements ended ({why:?}), and is started again");
                up.send_replace(State::Starting);
            }
        }
        if began.elapsed() > PAUSE.1 {
            pause = PAUSE.0;
        } else {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = end.wait_for(|end| *end) => return,
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}

/// A process from start to end; killed if this is dropped.
async fn one(
    launch: &Launch,
    most: u64,
    up: &watch::Sender<State>,
    end: &mut watch::Receiver<bool>,
) -> Result<(), Lost> {
    let unfit = |e: io::Error| Lost::Unfit(format!("{}: {e}", launch.program.display()));
    let mut command = Command::new(&launch.program);
    command.args(&launch.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.arg0("afterglow");
    // What the terminal says to the parent, the parent says to it.
    command.process_group(0);
    let mut process = command.spawn().map_err(unfit)?;
    let spilled = Spilled(spilled(&launch.scratch, process.id().unwrap_or_default()));
    let talked = tokio::select! {
        talked = talk(launch, &mut process, most, up) => talked,
        _ = end.wait_for(|end| *end) => Err(Lost::Ending),
    };
    // It is gone before its files are: it may be making some.
    let _ = process.start_kill();
    let ended = tokio::time::timeout(END, process.wait()).await;
    drop(spilled);
    let link = talked?;
    if let Ok(Ok(ended)) = ended {
        link.because(Lost::Died(shown(ended)));
    }
    Err(link.why())
}

/// Tells a process what to open and passes on what is asked, until it ends or is to be ended.
async fn talk(
    launch: &Launch,
    process: &mut tokio::process::Child,
    most: u64,
    up: &watch::Sender<State>,
) -> Result<Arc<Link>, Lost> {
    let unfit = |e: io::Error| Lost::Unfit(format!("{}: {e}", launch.program.display()));
    let pid = process.id().unwrap_or_default();
    let (Some(mut to), Some(mut from)) = (process.stdin.take(), process.stdout.take()) else {
        return Err(Lost::Unfit("it has no standard streams".into()));
    };
    let first = async {
        wire::send(&mut to, &Asked::Open(launch.settings.clone()), &[]).await?;
        wire::receive::<Told>(&mut from).await
    };
    match tokio::time::timeout(START, first).await {
        Ok(Ok(Some((Told::Ready, _)))) => {}
        Ok(Ok(Some((Told::Unfit(what), _)))) => return Err(Lost::Unfit(what)),
        Ok(Ok(_)) => {
            let ended = process.wait().await.map_err(unfit)?;
            return Err(Lost::Unfit(format!("the process that answers them {}", shown(ended))));
        }
        Ok(Err(e)) => return Err(unfit(e)),
        Err(_) => {
            return Err(Lost::Unfit(format!("the process that answers them is not ready after {} s", START.as_secs())));
        }
    }
    let (requests, asked) = mpsc::unbounded_channel();
    let (waiting, next, kill, why) =
        (Mutex::new(Some(HashMap::new())), AtomicU64::new(0), Notify::new(), Mutex::default());
    let link = Arc::new(Link { requests, waiting, next, kill, why });
    up.send_replace(State::Up(link.clone()));
    launch.health.works(Part::Sql);
    let writing = write(to, asked);
    let reading = read(from, link.clone());
    let watching = watched(pid, most, &link);
    tokio::select! {
        () = async { tokio::join!(writing, reading); } => {}
        ended = process.wait() => {
            let ended = ended.map_or_else(|e| e.to_string(), shown);
            link.because(Lost::Died(ended));
        }
        () = watching => link.because(Lost::Memory),
        () = link.kill.notified() => {}
    }
    Ok(link)
}

/// What statements have on disk goes with their process.
struct Spilled(PathBuf);

impl Drop for Spilled {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shown(ended: ExitStatus) -> String {
    match (ended.signal(), ended.code()) {
        // What the runtime says before it aborts is in the log.
        (Some(6 | 11), _) => "ended by a fault, mostly because its stack overflowed".into(),
        (Some(9), _) => "was killed, by somebody or for want of memory".into(),
        (Some(n), _) => format!("was ended by signal {n}"),
        (None, code) => format!("ended with status {}", code.unwrap_or_default()),
    }
}

async fn write(mut to: ChildStdin, mut asked: mpsc::UnboundedReceiver<(Asked, Vec<u8>)>) {
    while let Some((head, body)) = asked.recv().await {
        if wire::send(&mut to, &head, &body).await.is_err() {
            return;
        }
    }
}

async fn read(mut from: ChildStdout, link: Arc<Link>) {
    while let Ok(Some((told, body))) = wire::receive::<Told>(&mut from).await {
        let id = match &told {
            Told::Rows { id }
            | Told::Ended { id, .. }
            | Told::Parsed { id, .. }
            | Told::Failed { id, .. }
            | Told::Gone { id } => *id,
            Told::Ready | Told::Unfit(_) => continue,
        };
        // Who is not there any more has cancelled it.
        link.with(|waiting| waiting.get(&id).map(|to| to.send((told, body))));
    }
}

/// Ends when the process takes more than it may.
async fn watched(pid: u32, most: u64, link: &Link) {
    loop {
        tokio::time::sleep(if link.is_busy() { LOOK } else { LOOK_IDLE }).await;
        let taken = memory(pid).unwrap_or_default();
        if taken > most {
            let (taken, most) = (taken >> 20, most >> 20);
            tracing::warn!("the process that answers statements takes {taken} MiB, and may take {most} MiB");
            return;
        }
    }
}

/// Memory of a process that cannot be had back otherwise: bytes that are in no file. Only Linux tells.
fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let fields: BTreeMap<&str, &str> = status.lines().filter_map(|l| l.split_once(':')).collect();
    let bytes = |name: &str| Some(fields.get(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10);
    match bytes("RssAnon") {
        Some(anonymous) => Some(anonymous + bytes("RssShmem").unwrap_or_default()),
        None => bytes("VmRSS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_process_is_known() {
        let held = vec![1u8; 64 << 20];
        let taken = memory(std::process::id()).unwrap();
        assert!(taken > held.len() as u64 && taken < 64 << 30, "{taken}");
        assert_eq!(memory(0), None);
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_said_and_tried_again() {
        let health = Health::default();
        let launch = |program: &str, arguments: &[&str]| Launch {
            program: program.into(),
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            settings: serde_json::Value::Null,
            scratch: std::env::temp_dir(),
            health: health.clone(),
        };
        for (program, arguments, said) in
            [("/nowhere/at/all", vec![], "No such file"), ("/bin/sh", vec!["-c", "exit 3"], "")]
        {
            let child = Child::start(launch(program, &arguments), 1 << 20);
            let permit = Arc::new(tokio::sync::Semaphore::new(1)).acquire_owned().await.unwrap();
            let asked = child.ask(|id| Asked::Cancel { id }, Vec::new(), permit).await;
            let Err(Lost::Unfit(why)) = asked else { panic!("{:?}", asked.err()) };
            assert!(why.contains(said), "{why}");
            assert!(health.trouble(&[Part::Sql]).is_some());
            child.ended().await;
            health.works(Part::Sql);
        }
    }
}
