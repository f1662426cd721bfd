/*
 * Failure log: the file that scrape_failure_log_file names: a line of JSON for each failed scrape.
 * Jobs that name the same file share one. It is opened anew with each configuration, so that a
 * rotated file is let go.
 *
 * Layer: scrape. Memory: counted references. Thread: any; a line is one write to the end of file.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct FailureLog FailureLog;

/* With one reference. ERR_IO. */
bool failure_log_open(Str path, FailureLog **ret, Err *err) MUST_USE;
FailureLog *failure_log_retain(FailureLog *log);  /* NULL-safe */
FailureLog *failure_log_release(FailureLog *log); /* NULL-safe; NULL */

/* A line that cannot be written is lost: a log must not stop scraping. NULL-safe. */
void failure_log_write(FailureLog *log, Str job, Str target, Str message);
