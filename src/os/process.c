/* Process: see process.h. Layer: os. Memory: none. Thread: any. */
#include "os/process.h"

#include "base/buf.h"
#include "base/time.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROC_TEXT_MAX (4 * MIB) /* /proc/stat grows with interrupts and CPUs */

/* Fields of /proc/self/stat behind the name, counted from 0 (proc(5) counts the name as 2). */
enum {
    STAT_USER_TICKS = 11,
    STAT_SYSTEM_TICKS = 12,
    STAT_THREADS = 17,
    STAT_START_TICKS = 19,
    STAT_VIRTUAL_BYTES = 20,
    STAT_RESIDENT_PAGES = 21,
    STAT_FIELDS = 22,
};

static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static u64 boot_unix_seconds; /* written once; 0: unknown */

/* The number behind "btime " in /proc/stat; read once, since that file is large. */
static void find_boot_time(void)
{
    CLEANUP(buf_done) Buf text;
    buf_init(&text, PROC_TEXT_MAX);
    Str line;
    if (!file_read_into("/proc/stat", &text, NULL)) {
        return;
    }
    for (Str rest = buf_view(&text); str_split_next(&rest, '\n', &line);) {
        if (str_skip_prefix(&line, S("btime "))) {
            (void)str_to_u64(line, &boot_unix_seconds);
            return;
        }
    }
}

static bool read_stat(Buf *text, u64 fields[STAT_FIELDS], Err *err)
{
    if (!file_read_into("/proc/self/stat", text, err)) {
        return false;
    }
    /* The name is in parentheses and may hold some itself. */
    Str rest = buf_view(text);
    size_t name_end = str_find_last_byte(rest, ')');
    Str part;
    size_t count = 0;
    rest = name_end == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, name_end + 2);
    for (; count < STAT_FIELDS && str_split_next(&rest, ' ', &part); count++) {
        fields[count] = 0;
        (void)str_to_u64(part, &fields[count]); /* some are letters or negative */
    }
    return count == STAT_FIELDS ||
           err_set(err, ERR_CORRUPT, "/proc/self/stat has %zu fields behind the name", count);
}

static u64 limit_of(__rlimit_resource_t resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    return limit.rlim_cur;
}

/* Since Linux 6.2 the folder's size is the count; before, it is 0. */
static u64 count_open_fds(void)
{
    struct stat status;
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        return (u64)status.st_size;
    }
    DIR *dir = opendir("/proc/self/fd");
    u64 count = 0;
    if (!dir) {
        return 0;
    }
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return count - 1; /* without the folder itself */
}

/* /proc/self/net/netstat has pairs of lines "IpExt: Name …" and "IpExt: number …". */
void process_network(u64 *ret_receive_bytes, u64 *ret_transmit_bytes)
{
    CLEANUP(buf_done) Buf text;
    buf_init(&text, PROC_TEXT_MAX);
    Str names = STR_EMPTY;
    Str line;
    *ret_receive_bytes = 0;
    *ret_transmit_bytes = 0;
    if (!file_read_into("/proc/self/net/netstat", &text, NULL)) {
        return;
    }
    for (Str rest = buf_view(&text); str_split_next(&rest, '\n', &line);) {
        if (!str_skip_prefix(&line, S("IpExt: "))) {
            continue;
        }
        if (names.len == 0) {
            names = line;
            continue;
        }
        Str name;
        Str number;
        while (str_split_next(&names, ' ', &name) && str_split_next(&line, ' ', &number)) {
            if (str_eq(name, S("InOctets"))) {
                (void)str_to_u64(number, ret_receive_bytes);
            } else if (str_eq(name, S("OutOctets"))) {
                (void)str_to_u64(number, ret_transmit_bytes);
            }
        }
        return;
    }
}

bool process_stats(ProcessStats *ret, Err *err)
{
    CLEANUP(buf_done) Buf text;
    buf_init(&text, PROC_TEXT_MAX);
    u64 fields[STAT_FIELDS] = {0};
    if (!read_stat(&text, fields, err)) {
        return false;
    }
    (void)pthread_once(&boot_once, find_boot_time);
    f64 ticks = (f64)sysconf(_SC_CLK_TCK);
    ProcessStats stats = {
        .cpu_seconds = (f64)(fields[STAT_USER_TICKS] + fields[STAT_SYSTEM_TICKS]) / ticks,
        .resident_bytes = fields[STAT_RESIDENT_PAGES] * (u64)sysconf(_SC_PAGESIZE),
        .virtual_bytes = fields[STAT_VIRTUAL_BYTES],
        .virtual_max_bytes = limit_of(RLIMIT_AS),
        .open_fds = count_open_fds(),
        .max_fds = limit_of(RLIMIT_NOFILE),
        .threads = fields[STAT_THREADS],
        .start_unix_seconds = (f64)boot_unix_seconds + (f64)fields[STAT_START_TICKS] / ticks,
    };
    *ret = stats;
    return true;
}

static sigset_t awaited_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    return set;
}

void signals_block(void)
{
    sigset_t set = awaited_signals();
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

int signals_wait(i64 timeout_ms)
{
    sigset_t set = awaited_signals();
    i64 end_ns = time_monotonic_ns() + timeout_ms * NS_PER_MS;
    for (;;) {
        i64 left_ns = MAX(end_ns - time_monotonic_ns(), (i64)0);
        struct timespec left = {.tv_sec = left_ns / NS_PER_SECOND,
                                .tv_nsec = left_ns % NS_PER_SECOND};
        int signal = sigtimedwait(&set, NULL, timeout_ms < 0 ? NULL : &left);
        if (signal > 0) {
            return signal == SIGHUP ? SIGNAL_RELOAD : SIGNAL_STOP;
        }
        if (errno == EAGAIN) {
            return SIGNAL_NONE;
        }
    }
}

void entropy_fill(void *to, size_t size)
{
    u8 *at = to;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        ASSERT(got > 0 || errno == EINTR); /* the kernel has had it since 3.17 */
        size_t count = got > 0 ? (size_t)got : 0;
        at += count;
        size -= count;
    }
}
