/*
 * Small collectors, one file of /proc each: loadavg, meminfo, vmstat, filefd, entropy, conntrack,
 * pressure, schedstat, sockstat, stat.
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 * Source: proc(5); Documentation/accounting/psi, Documentation/scheduler/sched-stats of Linux.
 */
#include "role/node_exporter/collector.h"

#include <string.h>
#include <unistd.h>

#define NS_PER_S 1e9

bool collect_loadavg(Collect *collect, Err *err)
{
    static const char *const names[] = {"node_load1", "node_load5", "node_load15"};
    static const char *const helps[] = {"1m load average.", "5m load average.",
                                        "15m load average."};
    Str text;
    Str fields[4];
    if (!read_proc(collect, "loadavg", &text, err)) {
        return err_wrap(err, "couldn't get load");
    }
    size_t count = split_fields(text, fields, COUNT_OF(fields));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        f64 load;
        if (i >= count || !parse_number(fields[i], &load)) {
            return err_set(err, ERR_INVALID, "could not parse load in \"" STR_FMT "\"",
                           STR_ARG(str_trim(text)));
        }
        metric_page_single(collect->page, names[i], PAGE_GAUGE, helps[i], load);
    }
    return true;
}

/* "Active(anon)" gives "Active_anon". */
static Str memory_name(Str key, char *plain, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < key.len && len < size; i++) {
        char c = key.ptr[i];
        if (c != ')') {
            plain[len++] = c == '(' ? '_' : c;
        }
    }
    return (Str){.ptr = plain, .len = len};
}

bool collect_meminfo(Collect *collect, Err *err)
{
    Str text;
    Str line;
    if (!read_proc(collect, "meminfo", &text, err)) {
        return err_wrap(err, "couldn't get meminfo");
    }
    while (next_line(&text, &line)) {
        Str fields[3];
        f64 value;
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        if (count == 0) {
            continue;
        }
        if (count < 2 || !parse_number(fields[1], &value)) {
            return err_set(err, ERR_INVALID, "invalid line in meminfo: " STR_FMT, STR_ARG(line));
        }
        Str key = str_take(fields[0], fields[0].len - 1); /* without the colon */
        char plain[128];
        char full[200];
        char help[256];
        Str unit = count == 3 ? S("_bytes") : STR_EMPTY; /* for a value in kB */
        Str name = memory_name(key, plain, sizeof(plain));
        (void)JOIN(full, S("node_memory_"), name, unit);
        (void)JOIN(help, S("Memory information field "), name, unit, S("."));
        metric_page_single(collect->page, full, PAGE_GAUGE, help,
                           count == 3 ? value * 1024 : value);
    }
    return true;
}

bool collect_vmstat(Collect *collect, Err *err)
{
    Str text;
    Str line;
    if (!read_proc(collect, "vmstat", &text, err)) {
        return false;
    }
    while (next_line(&text, &line)) {
        Str fields[2];
        f64 value;
        if (split_fields(line, fields, 2) < 2 ||
            !filter_passes(collect->filters->vmstat_fields, NULL, fields[0]) ||
            !parse_number(fields[1], &value)) {
            continue;
        }
        char name[160];
        char help[200];
        (void)JOIN(name, S("node_vmstat_"), fields[0]);
        (void)JOIN(help, S("/proc/vmstat information field "), fields[0], S("."));
        metric_page_single(collect->page, name, PAGE_UNTYPED, help, value);
    }
    return true;
}

bool collect_filefd(Collect *collect, Err *err)
{
    Str text;
    Str fields[3];
    f64 allocated;
    f64 maximum;
    if (!read_proc(collect, "sys/fs/file-nr", &text, err)) {
        return err_wrap(err, "couldn't get file-nr");
    }
    if (split_fields(str_trim(text), fields, 3) < 3 || !parse_number(fields[0], &allocated) ||
        !parse_number(fields[2], &maximum)) {
        return err_set(err, ERR_INVALID, "unexpected number of file stats in file-nr");
    }
    metric_page_single(collect->page, "node_filefd_allocated", PAGE_GAUGE,
                       "File descriptor statistics: allocated.", allocated);
    metric_page_single(collect->page, "node_filefd_maximum", PAGE_GAUGE,
                       "File descriptor statistics: maximum.", maximum);
    return true;
}

/* One number of /proc/sys. */
static bool read_one(Collect *collect, const char *path, f64 *ret, Err *err)
{
    Str text;
    if (!read_proc(collect, path, &text, err)) {
        return false;
    }
    return parse_number(str_trim(text), ret) ||
           err_set(err, ERR_INVALID, "%s does not hold a number", path);
}

bool collect_entropy(Collect *collect, Err *err)
{
    f64 available;
    f64 pool_size;
    if (!read_one(collect, "sys/kernel/random/entropy_avail", &available, err) ||
        !read_one(collect, "sys/kernel/random/poolsize", &pool_size, err)) {
        return err_wrap(err, "failed to get kernel random stats");
    }
    metric_page_single(collect->page, "node_entropy_available_bits", PAGE_GAUGE,
                       "Bits of available entropy.", available);
    metric_page_single(collect->page, "node_entropy_pool_size_bits", PAGE_GAUGE,
                       "Bits of entropy pool.", pool_size);
    return true;
}

typedef struct ConntrackColumn {
    const char *column; /* in the header of /proc/net/stat/nf_conntrack */
    const char *name;
    const char *help;
} ConntrackColumn;

static const ConntrackColumn conntrack_columns[] = {
    {"found", "node_nf_conntrack_stat_found", "Number of searched entries which were successful."},
    {"invalid", "node_nf_conntrack_stat_invalid",
     "Number of packets seen which can not be tracked."},
    {"ignore", "node_nf_conntrack_stat_ignore",
     "Number of packets seen which are already connected to a conntrack entry."},
    {"insert", "node_nf_conntrack_stat_insert", "Number of entries inserted into the list."},
    {"insert_failed", "node_nf_conntrack_stat_insert_failed",
     "Number of entries for which list insertion was attempted but failed."},
    {"drop", "node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure."},
    {"early_drop", "node_nf_conntrack_stat_early_drop",
     "Number of dropped conntrack entries to make room for new ones, if maximum table size was "
     "reached."},
    {"search_restart", "node_nf_conntrack_stat_search_restart",
     "Number of conntrack table lookups which had to be restarted due to hashtable resizes."},
};

/* A header line with column names, then a line of hexadecimal counts per CPU. */
static bool conntrack_stats(Collect *collect, Err *err)
{
    Str text;
    Str line;
    Str header[COLLECT_FIELDS_MAX];
    f64 sums[COUNT_OF(conntrack_columns)] = {0};
    if (!read_proc(collect, "net/stat/nf_conntrack", &text, err)) {
        return false;
    }
    size_t columns = next_line(&text, &line) ? split_fields(line, header, COUNT_OF(header)) : 0;
    while (next_line(&text, &line)) {
        Str fields[COLLECT_FIELDS_MAX];
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        for (size_t c = 0; c < COUNT_OF(conntrack_columns); c++) {
            for (size_t i = 0; i < MIN(count, columns); i++) {
                u64 number;
                if (str_eq(header[i], str_from(conntrack_columns[c].column)) &&
                    parse_hex(fields[i], &number)) {
                    sums[c] += (f64)number;
                }
            }
        }
    }
    for (size_t c = 0; c < COUNT_OF(conntrack_columns); c++) {
        metric_page_single(collect->page, conntrack_columns[c].name, PAGE_GAUGE,
                           conntrack_columns[c].help, sums[c]);
    }
    return true;
}

bool collect_conntrack(Collect *collect, Err *err)
{
    f64 entries;
    f64 limit;
    if (!read_one(collect, "sys/net/netfilter/nf_conntrack_count", &entries, err)) {
        return false;
    }
    metric_page_single(collect->page, "node_nf_conntrack_entries", PAGE_GAUGE,
                       "Number of currently allocated flow entries for connection tracking.",
                       entries);
    if (!read_one(collect, "sys/net/netfilter/nf_conntrack_max", &limit, err)) {
        return false;
    }
    metric_page_single(collect->page, "node_nf_conntrack_entries_limit", PAGE_GAUGE,
                       "Maximum size of connection tracking table.", limit);
    return conntrack_stats(collect, err);
}

/* The total (microseconds) of the line that starts with "some" or "full". */
static bool pressure_total(Str text, Str kind, f64 *ret_seconds)
{
    Str line;
    while (next_line(&text, &line)) {
        Str fields[8];
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        if (count == 0 || !str_eq(fields[0], kind)) {
            continue;
        }
        for (size_t i = 1; i < count; i++) {
            f64 total;
            if (str_skip_prefix(&fields[i], S("total=")) && parse_number(fields[i], &total)) {
                *ret_seconds = total / 1000.0 / 1000.0; /* in two steps, as the original rounds */
                return true;
            }
        }
    }
    return false;
}

bool collect_pressure(Collect *collect, Err *err)
{
    static const struct {
        const char *file;
        Str kind;
        const char *name;
        const char *help;
    } rows[] = {
        {"pressure/cpu", STR_INIT("some"), "node_pressure_cpu_waiting_seconds_total",
         "Total time in seconds that processes have waited for CPU time"},
        {"pressure/io", STR_INIT("some"), "node_pressure_io_waiting_seconds_total",
         "Total time in seconds that processes have waited due to IO congestion"},
        {"pressure/io", STR_INIT("full"), "node_pressure_io_stalled_seconds_total",
         "Total time in seconds no process could make progress due to IO congestion"},
        {"pressure/memory", STR_INIT("some"), "node_pressure_memory_waiting_seconds_total",
         "Total time in seconds that processes have waited for memory"},
        {"pressure/memory", STR_INIT("full"), "node_pressure_memory_stalled_seconds_total",
         "Total time in seconds no process could make progress due to memory congestion"},
        {"pressure/irq", STR_INIT("full"), "node_pressure_irq_stalled_seconds_total",
         "Total time in seconds no process could make progress due to IRQ congestion"},
    };
    Str text = STR_EMPTY;
    const char *open_file = NULL;
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 seconds;
        if (!open_file || strcmp(open_file, rows[i].file) != 0) {
            open_file = rows[i].file;
            if (!read_proc(collect, open_file, &text, err)) {
                text = STR_EMPTY; /* kernels differ in what they account */
            }
        }
        if (pressure_total(text, rows[i].kind, &seconds)) {
            metric_page_single(collect->page, rows[i].name, PAGE_COUNTER, rows[i].help, seconds);
            any = true;
        }
    }
    return any || err_set(err, ERR_NOT_FOUND, "pressure information is unavailable");
}

bool collect_schedstat(Collect *collect, Err *err)
{
    static const char *const names[] = {
        "node_schedstat_running_seconds_total",
        "node_schedstat_waiting_seconds_total",
        "node_schedstat_timeslices_total",
    };
    static const char *const helps[] = {
        "Number of seconds CPU spent running a process.",
        "Number of seconds spent by processing waiting for this CPU.",
        "Number of timeslices executed by CPU.",
    };
    enum { FIRST_FIELD = 7, FIELDS = 10 };
    Str text;
    Str line;
    if (!read_proc(collect, "schedstat", &text, err)) {
        return false;
    }
    while (next_line(&text, &line)) {
        Str fields[FIELDS];
        size_t count = split_fields(line, fields, FIELDS);
        if (count < FIELDS || !str_skip_prefix(&fields[0], S("cpu"))) {
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            f64 value;
            if (parse_number(fields[FIRST_FIELD + i], &value)) {
                MetricFamily family = metric_page_family(collect->page, str_from(names[i]),
                                                         PAGE_COUNTER, str_from(helps[i]));
                metric_page_put(collect->page, family, (PageLabel[]){{"cpu", fields[0]}}, 1,
                                i < 2 ? value / NS_PER_S : value);
            }
        }
    }
    return true;
}

static void put_sockets(Collect *collect, Str protocol, Str state, f64 value)
{
    char name[128];
    char help[160];
    (void)JOIN(name, S("node_sockstat_"), protocol, S("_"), state);
    (void)JOIN(help, S("Number of "), protocol, S(" sockets in state "), state, S("."));
    metric_page_single(collect->page, name, PAGE_GAUGE, help, value);
}

static void sockstat_line(Collect *collect, Str line)
{
    Str fields[COLLECT_FIELDS_MAX];
    size_t count = split_fields(line, fields, COUNT_OF(fields));
    if (count == 0 || fields[0].len < 2) {
        return;
    }
    Str protocol = str_take(fields[0], fields[0].len - 1); /* without the colon */
    for (size_t i = 1; i + 1 < count; i += 2) {
        f64 value;
        if (!parse_number(fields[i + 1], &value)) {
            continue;
        }
        if (str_eq(protocol, S("sockets"))) {
            metric_page_single(collect->page, "node_sockstat_sockets_used", PAGE_GAUGE,
                               "Number of IPv4 sockets in use.", value);
            continue;
        }
        put_sockets(collect, protocol, fields[i], value);
        if (str_eq(fields[i], S("mem"))) {
            put_sockets(collect, protocol, S("mem_bytes"), value * (f64)sysconf(_SC_PAGESIZE));
        }
    }
}

bool collect_sockstat(Collect *collect, Err *err)
{
    static const char *const files[] = {"net/sockstat", "net/sockstat6"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        Str text;
        Str line;
        Err missing = {0};
        if (!read_proc(collect, files[i], &text, &missing)) {
            if (missing.code == ERR_NOT_FOUND) {
                continue; /* a kernel without IPv6 */
            }
            return err_set(err, missing.code, "failed to get sockstat data: %s", missing.message);
        }
        while (next_line(&text, &line)) {
            sockstat_line(collect, line);
        }
    }
    return true;
}

static const Str softirq_vectors[] = {
    STR_INIT("hi"),      STR_INIT("timer"),        STR_INIT("net_tx"),  STR_INIT("net_rx"),
    STR_INIT("block"),   STR_INIT("block_iopoll"), STR_INIT("tasklet"), STR_INIT("sched"),
    STR_INIT("hrtimer"), STR_INIT("rcu"),
};

static void put_softirqs(Collect *collect, const Str *fields, size_t count)
{
    MetricFamily family = metric_page_family(collect->page, S("node_softirqs_total"), PAGE_COUNTER,
                                             S("Number of softirq calls."));
    for (size_t i = 0; i < COUNT_OF(softirq_vectors) && i + 2 < count; i++) {
        f64 value;
        if (parse_number(fields[i + 2], &value)) { /* behind the word and the total */
            metric_page_put(collect->page, family, (PageLabel[]){{"vector", softirq_vectors[i]}}, 1,
                            value);
        }
    }
}

bool collect_stat(Collect *collect, Err *err)
{
    static const struct {
        Str key;
        const char *name;
        PageType type;
        const char *help;
    } rows[] = {
        {STR_INIT("intr"), "node_intr_total", PAGE_COUNTER, "Total number of interrupts serviced."},
        {STR_INIT("ctxt"), "node_context_switches_total", PAGE_COUNTER,
         "Total number of context switches."},
        {STR_INIT("processes"), "node_forks_total", PAGE_COUNTER, "Total number of forks."},
        {STR_INIT("btime"), "node_boot_time_seconds", PAGE_GAUGE, "Node boot time, in unixtime."},
        {STR_INIT("procs_running"), "node_procs_running", PAGE_GAUGE,
         "Number of processes in runnable state."},
        {STR_INIT("procs_blocked"), "node_procs_blocked", PAGE_GAUGE,
         "Number of processes blocked waiting for I/O to complete."},
    };
    Str text;
    Str line;
    if (!read_proc(collect, "stat", &text, err)) {
        return false;
    }
    while (next_line(&text, &line)) {
        Str fields[COUNT_OF(softirq_vectors) + 2];
        f64 value;
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        if (count < 2 || !parse_number(fields[1], &value)) {
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            if (str_eq(fields[0], rows[i].key)) {
                metric_page_single(collect->page, rows[i].name, rows[i].type, rows[i].help, value);
            }
        }
        if (collect->opts->stat_softirq && str_eq(fields[0], S("softirq"))) {
            put_softirqs(collect, fields, count);
        }
    }
    return true;
}
