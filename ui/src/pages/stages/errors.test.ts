import { describe, expect, it } from 'vitest';
import { essence } from './errors';

describe('what says most of an error', () => {
  it('is what Python raised', () => {
    const text = `org.apache.spark.api.python.PythonException: [PYTHON_EXCEPTION] An exception was thrown from the Python worker: Traceback (most recent call last):
  File "/opt/spark/worker.py", line 4327, in invoke_udf
    process()
  File "/data/work/c05_failures.py", line 36, in boom
    raise RuntimeError("bad record 77")
RuntimeError: bad record 77
 SQLSTATE: 38000
\tat org.apache.spark.api.python.BasePythonRunner`;
    expect(essence(text)).toBe('RuntimeError: bad record 77');
  });

  it('is what caused an exception without words', () => {
    const text = 'org.apache.spark.shuffle.FetchFailedException\n\tat org.apache.spark.x(Y.scala:1)\nCaused by: org.apache.spark.ExecutorDeadException: executor 0 is dead\n\t... 11 more';
    expect(essence(text)).toBe('FetchFailedException: org.apache.spark.ExecutorDeadException: executor 0 is dead');
  });

  it('is otherwise its first line', () => {
    expect(essence('\n[SPARK_JOB_CANCELLED] Job 6 cancelled\n\tat x')).toBe('[SPARK_JOB_CANCELLED] Job 6 cancelled');
    expect(essence('org.apache.spark.shuffle.FetchFailedException')).toBe('org.apache.spark.shuffle.FetchFailedException');
    expect(essence('')).toBe('');
  });
});
