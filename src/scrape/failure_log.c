/* Failure log: see failure_log.h. Layer: scrape. Memory: counted references. Thread: any. */
#include "scrape/failure_log.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024 };

struct FailureLog {
    int fd;
    _Atomic u64 references;
};

bool failure_log_open(Str path, FailureLog **ret, Err *err)
{
    char name[PATH_MAX];
    if (path.len >= sizeof(name)) {
        return err_set(err, ERR_INVALID, "can't create json log file: the name is too long");
    }
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    int fd = open(name, O_APPEND | O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "can't create json log file: open %s", name);
    }
    FailureLog *log = MEM_NEW(FailureLog);
    log->fd = fd;
    atomic_store(&log->references, 1);
    *ret = log;
    return true;
}

FailureLog *failure_log_retain(FailureLog *log)
{
    if (log) {
        atomic_fetch_add(&log->references, 1);
    }
    return log;
}

FailureLog *failure_log_release(FailureLog *log)
{
    if (log && atomic_fetch_sub(&log->references, 1) == 1) {
        fd_closep(&log->fd);
        mem_free(log);
    }
    return NULL;
}

void failure_log_write(FailureLog *log, Str job, Str target, Str message)
{
    Buf line;
    if (!log) {
        return;
    }
    buf_init(&line, LINE_MAX_BYTES);
    buf_lit(&line, "{\"time\":\"");
    time_format_rfc3339_ns(&line, time_now_ns());
    buf_lit(&line, "\",\"level\":\"ERROR\",\"msg\":");
    quote_json(&line, message);
    buf_lit(&line, ",\"job_name\":");
    quote_json(&line, job);
    buf_lit(&line, ",\"target\":");
    quote_json(&line, target);
    buf_lit(&line, "}\n");
    if (buf_ok(&line, NULL)) {
        (void)!fd_write_all(log->fd, buf_view(&line), NULL);
    }
    buf_done(&line);
}
