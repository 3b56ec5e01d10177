/** What metrics mean, in two sentences at most each. One file, so that the words agree. */

interface Entry {
  title: string;
  text: string;
}

const entries = {
  findings: {
    title: 'Findings',
    text: 'What rules saw in this run: a cause for which there is something to do, with the numbers behind it. What is at stake is the most that could be saved, not what will be.',
  },
  advice: {
    title: 'Advice',
    text: 'The advice of the rule follows from numbers and is always there. A model, if one is asked, must cite evidence (e1, e2 …) or passages of the knowledge base (p1 …) for each claim; what cites nothing is left out and counted.',
  },
  standing: {
    title: 'State',
    text: 'Where the search for advice of a model stands. No incident waits for it: it is told of at once, and the advice follows within remediation.deadline or not at all.',
  },
  claims: {
    title: 'Claims kept',
    text: 'Cause, steps and settings of the answer that passed the check, of all. Left out is what cites nothing or what is not there, holds addresses or commands, or sets what is no known tuning key.',
  },
  budgets: {
    title: 'Budgets',
    text: 'Before a request its most is set aside; if a budget has no room, nothing is asked. Days begin at midnight UTC, and money is known only with prices of tokens.',
  },
  breaker: {
    title: 'Bedrock',
    text: 'After remediation.breaker_failures in a row nothing is asked for breaker_pause, twice as long each time; then one request tries.',
  },
  followUp: {
    title: 'How advice turned out',
    text: 'When a job runs again, what each finding cost is compared for the same amount of input: a fifth less is worked, a quarter more is worse. Not tried: no setting was changed as advised.',
  },
  knowledge: {
    title: 'Knowledge base',
    text: 'What a model is shown passages of and may cite: your runbooks (Markdown), the pages of all rules, and past outcomes without names of applications. Changed runbooks are taken up within half a minute.',
  },
  actions: {
    title: 'Actions',
    text: 'Declared by the operator in [[action]]; a model can neither propose nor change one. Each is proposed once for an incident, runs when somebody approves, or at once for a rule in action.automatic, and no more often than action.per_hour.',
  },
  mutes: {
    title: 'Mutes',
    text: 'A rule is not told of for applications of a name, until a time or for ever. Incidents are still kept; `*` stands for any text.',
  },
  silences: {
    title: 'Silences',
    text: 'Incidents whose labels fit all matchers are not told of for a time. A matcher is a label, one of = != =~ !~, and a value in quotes.',
  },
  wallClock: {
    title: 'Wall-clock time',
    text: 'Where the time between start and end went; the parts add up to 100%. At each moment, time is split evenly between the active stages, and within a stage by what its tasks spent theirs on.',
  },
  driver: {
    title: 'Driver only',
    text: 'No stage was active: the driver planned, listed files, ran its own code, or waited for something else. More executors do not shorten it.',
  },
  waitingForExecutors: {
    title: 'Waiting for executors',
    text: 'A stage wanted to run and there was no executor. The cluster manager was slow to give any, or all were lost.',
  },
  scheduling: {
    title: 'Scheduling',
    text: 'Tasks waited for a free core or were on their way to and from executors. Much of it with short tasks means that there are too many of them.',
  },
  deserialization: {
    title: 'Deserialization',
    text: "Executors unpacked the task's code and data before it could begin. Large closures and many short tasks make it grow.",
  },
  compute: {
    title: 'Compute',
    text: 'Tasks ran code: reading input, operators, user functions. Spark logs no time for spilling, so that is in here, too.',
  },
  gc: {
    title: 'Garbage collection',
    text: 'The JVM stopped tasks to free memory. Above some 10% of the run time, executors have too little memory for what they hold.',
  },
  shuffleRead: {
    title: 'Shuffle read wait',
    text: 'Tasks waited for blocks of earlier stages from other executors. Network, disks or a few overloaded executors are the cause.',
  },
  shuffleWrite: {
    title: 'Shuffle write',
    text: 'Tasks wrote their output for the next stage to local disks. It grows with the bytes written and the number of partitions.',
  },
  result: {
    title: 'Result',
    text: 'Results were serialized and fetched by the driver. Much of it means that large results are collected.',
  },
  unexplained: {
    title: 'Unexplained',
    text: 'Time in which stages were active and no logged metric says what happened. It is shown rather than hidden.',
  },
  stageShare: {
    title: 'Share of a stage',
    text: 'The part of the wall-clock time that the stage took. Where stages ran at the same time, each moment is split evenly between them.',
  },
  executorTime: {
    title: 'Executor time',
    text: 'The sum of the run times of all tasks. Ten cores that work for one minute are ten minutes.',
  },
  cpuTime: {
    title: 'CPU time',
    text: 'What tasks used of a processor, and its share of the executor time. A low share means that tasks wait: for disks, the network, other processes or garbage collection.',
  },
  shuffle: {
    title: 'Shuffle',
    text: 'Data that stages hand on to later ones: written to local disks, then read over the network. Both sides are counted.',
  },
  spill: {
    title: 'Spill',
    text: 'Data that did not fit into execution memory and went to disk. Memory counts it as it was in memory, disk as it was written.',
  },
  cores: {
    title: 'Cores and running tasks',
    text: 'Cores that executors offered against tasks that ran on them, as averages. The gap between the two is capacity that was paid for and idle.',
  },
  removal: {
    title: 'Why an executor went',
    text: "The class is read from Spark's own text for the removal, which is shown in full beside it. Executors that stayed to the end have none.",
  },
  busy: {
    title: 'Busy',
    text: 'The sum of task times over the time its cores were there. The rest is idle capacity.',
  },
  idleCores: {
    title: 'Idle cores',
    text: 'For how long cores were there without a task, summed up: ten idle cores for a minute are ten minutes. It is paid for and does nothing.',
  },
  gcShare: {
    title: 'GC share',
    text: 'Garbage collection time over task time. Above some 10% tasks suffer from too little memory.',
  },
  jvmPauses: {
    title: 'JVM pauses',
    text: 'Times in which no thread of the container ran, out of its own logs: the garbage collector stopped it, or its host did. Unlike GC time of tasks, which counts a pause once for each task that ran.',
  },
  pauseShare: {
    title: 'Share of pauses',
    text: "The part of the time that the garbage collector's log spans in which the JVM stood still. A few percent are common; concurrent cycles run beside the application and are not in it.",
  },
  storageMemory: {
    title: 'Storage memory',
    text: 'What cached blocks use of the memory that execution and storage share. The maximum is what storage could use if nothing else ran.',
  },
  peakHeap: {
    title: 'Peak JVM heap',
    text: "The highest heap use that was reported. Spark samples it with heartbeats, so short peaks can be missed.",
  },
  rss: {
    title: 'Peak resident memory',
    text: 'The most physical memory the process tree used, with Python workers. It is logged if spark.executor.processTreeMetrics.enabled is set; what is above the container limit gets killed.',
  },
  lag: {
    title: 'Last listed',
    text: 'When the source was last listed without an error. Logs that appeared since are not known yet.',
  },
  passedBy: {
    title: 'Other objects',
    text: 'Objects that are surely no event logs and were passed by. They cost nothing.',
  },
  defaults: {
    title: 'Defaults',
    text: "Settings that nobody changed, with the value that version of Spark uses. Grey ones were set, but to what they are anyway.",
  },
  masked: {
    title: 'Masked',
    text: 'Its name or value looks like a secret, so the value was replaced before anything was stored. It cannot be shown, only looked up where it was set.',
  },
  cachedFraction: {
    title: 'Cached',
    text: 'Partitions that are stored over all partitions of the RDD. What is missing was never computed, did not fit, or was evicted; it is computed again when needed.',
  },
  lost: {
    title: 'Lost',
    text: 'The log has no end and has not grown for a long time. The driver was killed, or its last words never reached the storage.',
  },
  jobsTimeline: {
    title: 'Jobs over time',
    text: 'When each job and each of its stages ran. Gaps are time in which the driver worked alone or waited.',
  },
  skipped: {
    title: 'Skipped stages',
    text: 'Their output was still there from an earlier job (shuffle files or a cache), so they did not run again. Skipped stages cost nothing.',
  },
  skew: {
    title: 'Skew',
    text: 'How much longer, or larger, the largest task is than the one in the middle. The stage waits for its slowest task, so above some 3 times cores are idle at the end.',
  },
  taskTime: {
    title: 'Task time',
    text: 'The sum of the durations of all tasks, from launch by the driver to the end, failed ones included. The parts are what tasks reported; scheduler delay is the rest, with the fetching of results.',
  },
  quantiles: {
    title: 'Quantiles',
    text: 'Over successful tasks, as in Spark: a quarter of the tasks is below the value at 25%. The last column divides the largest by the median; a large ratio is skew.',
  },
  schedulerDelay: {
    title: 'Scheduler delay',
    text: 'The part of a task that no metric of the executor explains: its way to the executor and back, and waiting there. Much of it means that the driver is busy or tasks are too short.',
  },
  gettingResult: {
    title: 'Getting result',
    text: 'Time the driver took to fetch a result too large to come with the status. Collecting less, or writing instead, makes it go away.',
  },
  peakMemory: {
    title: 'Peak execution memory',
    text: 'The most memory that shuffles, aggregations and joins of a task held at once. Caches and user objects are not in it.',
  },
  locality: {
    title: 'Locality',
    text: 'How near to its data a task ran: same process, same node, same rack, anywhere; NO_PREF means that it did not matter. Far from the data costs network.',
  },
  stageGraph: {
    title: 'Stage graph',
    text: 'A stage reads what the stages before it wrote to shuffle files; what is written is on the arrows. Dashed stages were skipped.',
  },
  rddGraph: {
    title: 'Operators and RDDs',
    text: 'What each task of the stage computes, from its input to its output. Boxes are operators with the RDDs they consist of; all run in one pass.',
  },
  eventTimeline: {
    title: 'Event timeline',
    text: 'Each bar is a task attempt, in a row of the executor that ran it. Its colours are what it reported to have spent its time on, in Spark\'s order; a task does not log when each part was.',
  },
  accumulators: {
    title: 'Accumulators',
    text: 'Named accumulators of the program, with what this stage added. Accumulators without a name are not shown, as in Spark.',
  },
  operatorTime: {
    title: 'Time of an operator',
    text: "What its own timing metrics say in each stage, and its part of what no operator of the stage explains. Shares are of the run time of all tasks of the execution, so a stage's wait for cores is not in them.",
  },
  adaptive: {
    title: 'Adaptive execution',
    text: 'After each shuffle Spark looks at the real sizes and plans the rest anew: other joins, fewer partitions, skewed ones split. This is what differs between the first plan and the one that ran.',
  },
  batchDuration: {
    title: 'Batch duration',
    text: 'From the trigger to the committed batch, by phase; adding the batch is where the query itself runs. If it takes longer than the trigger interval, batches start late.',
  },
  processedRate: {
    title: 'Processed rate',
    text: 'Rows of a batch over the time it took, so it is a capacity and not what arrived. Input rate is what arrived since the batch before.',
  },
  streamingLoad: {
    title: 'Load',
    text: 'Input rate over processed rate, of batches with rows: how much of its capacity the query used. Near 100% batches follow each other without a pause; above, it falls behind.',
  },
  watermarkLag: {
    title: 'Watermark lag',
    text: "How far the watermark is behind the batch's trigger. State of what is before the watermark can be dropped, so a growing lag is growing state.",
  },
  sourceLag: {
    title: 'Lag of a source',
    text: 'Offsets that were there and not read after the batch, over all partitions. Only sources that say what is newest, like Kafka, have it.',
  },
  stateRows: {
    title: 'State rows',
    text: 'Rows that the operator holds from batch to batch. Without a watermark or an expiry they only grow.',
  },
  stateMemory: {
    title: 'State memory',
    text: 'Memory of all instances of the state store. With spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage, Spark does not report it.',
  },
  commitTime: {
    title: 'Time of state operations',
    text: 'Spark adds up the times of all instances of the state store, which work side by side, so the sum can exceed the batch. Here it is divided by their number.',
  },
  stateStore: {
    title: 'State store',
    text: "The store's own metrics, of all its instances together. Names that are not known are shown as Spark writes them.",
  },
} satisfies Record<string, Entry>;

export type HelpKey = keyof typeof entries;

export const HELP: Record<HelpKey, Entry> = entries;
