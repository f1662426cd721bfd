/*
 * Filesystems: size, free space and inodes of what is mounted.
 *
 * A dead network mount makes statfs(2) hang for good, so mounts of network and FUSE types are asked
 * on a thread of their own with a time limit; one that does not answer is reported as an error and
 * left alone until its thread comes back.
 *
 * Layer: role/node_exporter. Memory: a Probe is shared by two threads and freed by the last.
 * Thread: scrapes are serialised; probes run detached. Source: proc(5) on mountinfo, statfs(2).
 */
#include "role/node_exporter/collector.h"

#include "base/mem.h"
#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
    PROBES_STUCK_MAX = 64, /* threads that may hang at once; more mounts are not even asked */
    ERROR_WORDS_MAX = 128, /* bytes of a reason */
};

typedef struct Mount {
    Str device, point, type, major, minor; /* in the scrape's arena */
    bool read_only;
} Mount;

typedef struct Probe {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    struct statvfs status;
    int error; /* errno, or 0 */
    bool done;
    bool abandoned; /* the scrape has gone on: the thread frees the probe */
    char path[];
} Probe;

static atomic_uint stuck_count;
static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER;
static VEC(const Probe *) stuck; /* under stuck_lock */

static void forget_stuck(const Probe *probe)
{
    (void)pthread_mutex_lock(&stuck_lock);
    for (size_t i = 0; i < stuck.count; i++) {
        if (stuck.at[i] == probe) {
            stuck.at[i] = stuck.at[--stuck.count];
            break;
        }
    }
    (void)pthread_mutex_unlock(&stuck_lock);
}

static bool is_stuck(const char *path)
{
    bool found = false;
    (void)pthread_mutex_lock(&stuck_lock);
    for (size_t i = 0; i < stuck.count; i++) {
        found = found || strcmp(stuck.at[i]->path, path) == 0;
    }
    (void)pthread_mutex_unlock(&stuck_lock);
    return found;
}

static void free_probe(Probe *probe)
{
    (void)pthread_cond_destroy(&probe->done_cond);
    (void)pthread_mutex_destroy(&probe->lock);
    mem_free(probe);
}

static void *run_probe(void *self)
{
    Probe *probe = self;
    struct statvfs status;
    int error = statvfs(probe->path, &status) == 0 ? 0 : errno;
    (void)pthread_mutex_lock(&probe->lock);
    probe->status = status;
    probe->error = error;
    probe->done = true;
    bool abandoned = probe->abandoned;
    (void)pthread_cond_signal(&probe->done_cond);
    (void)pthread_mutex_unlock(&probe->lock);
    if (abandoned) {
        forget_stuck(probe);
        atomic_fetch_sub(&stuck_count, 1);
        free_probe(probe);
    }
    return NULL;
}

static bool wait_for(Probe *probe, i64 timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int outcome = 0;
    while (!probe->done && outcome == 0) {
        outcome = pthread_cond_timedwait(&probe->done_cond, &probe->lock, &until);
    }
    return probe->done;
}

/* statvfs with a time limit. Returns errno; ETIMEDOUT for a mount that does not answer. */
static int statvfs_bounded(const char *path, i64 timeout_ms, struct statvfs *ret)
{
    if (is_stuck(path) || atomic_load(&stuck_count) >= PROBES_STUCK_MAX) {
        return ETIMEDOUT;
    }
    size_t size = strlen(path) + 1;
    Probe *probe = mem_zero(1, sizeof(*probe) + size);
    memcpy(probe->path, path, size);
    (void)pthread_mutex_init(&probe->lock, NULL);
    (void)pthread_cond_init(&probe->done_cond, NULL);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run_probe, probe);
    if (error != 0) {
        free_probe(probe);
        return error;
    }
    (void)pthread_detach(thread);
    (void)pthread_mutex_lock(&probe->lock);
    if (!wait_for(probe, timeout_ms)) {
        probe->abandoned = true;
        atomic_fetch_add(&stuck_count, 1);
        (void)pthread_mutex_lock(&stuck_lock);
        *vec_push(&stuck) = probe;
        (void)pthread_mutex_unlock(&stuck_lock);
        (void)pthread_mutex_unlock(&probe->lock);
        return ETIMEDOUT;
    }
    error = probe->error;
    *ret = probe->status;
    (void)pthread_mutex_unlock(&probe->lock);
    free_probe(probe);
    return error;
}

/* Types whose statfs waits for another machine or process. */
static bool may_hang(Str type)
{
    static const Str types[] = {
        STR_INIT("nfs"),    STR_INIT("nfs4"),      STR_INIT("cifs"), STR_INIT("smb3"),
        STR_INIT("ceph"),   STR_INIT("9p"),        STR_INIT("afs"),  STR_INIT("ncpfs"),
        STR_INIT("lustre"), STR_INIT("glusterfs"), STR_INIT("gfs2"), STR_INIT("ocfs2"),
        STR_INIT("beegfs"),
    };
    if (str_starts_with(type, S("fuse"))) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq(type, types[i])) {
            return true;
        }
    }
    return false;
}

/* "\040" in mountinfo is a blank, "\011" a tab. */
static bool unescape(Arena *arena, Str text, Str *ret)
{
    char *out = arena_alloc(arena, text.len + 1, 1);
    size_t len = 0;
    if (!out) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\' && i + 3 < text.len && text.ptr[i + 1] >= '0' &&
            text.ptr[i + 1] <= '3') {
            out[len++] = (char)(((text.ptr[i + 1] - '0') << 6) | ((text.ptr[i + 2] - '0') << 3) |
                                (text.ptr[i + 3] - '0'));
            i += 3;
        } else {
            out[len++] = text.ptr[i];
        }
    }
    out[len] = '\0';
    *ret = (Str){.ptr = out, .len = len};
    return true;
}

static bool has_option(Str options, Str wanted)
{
    Str option;
    while (str_split_next(&options, ',', &option)) {
        if (str_eq(option, wanted)) {
            return true;
        }
    }
    return false;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static bool parse_mount(Collect *collect, Str line, Mount *ret)
{
    Str fields[COLLECT_FIELDS_MAX];
    size_t count = split_fields(line, fields, COUNT_OF(fields));
    size_t dash = 6;
    while (dash < count && !str_eq(fields[dash], S("-"))) {
        dash++;
    }
    if (dash + 3 >= count) {
        return false;
    }
    Str numbers = fields[2];
    Mount mount = {.type = fields[dash + 1]};
    mount.read_only = has_option(fields[5], S("ro")) || has_option(fields[dash + 3], S("ro"));
    if (!str_split_next(&numbers, ':', &mount.major) || !numbers.ptr ||
        !unescape(collect->arena, fields[dash + 2], &mount.device) ||
        !unescape(collect->arena, fields[4], &mount.point)) {
        return false;
    }
    mount.minor = numbers;
    *ret = mount;
    return true;
}

/* The mount point as the host sees it: without the rootfs in front. */
static Str strip_rootfs(const Collect *collect, Str point)
{
    Str root = collect->opts->rootfs;
    if (str_eq(root, S("/")) || !str_starts_with(point, root)) {
        return point;
    }
    Str stripped = str_skip(point, root.len);
    return stripped.len == 0 ? S("/") : stripped;
}

static void put_one(Collect *collect, const char *name, const char *help, const PageLabel *labels,
                    f64 value)
{
    enum { LABELS = 4 };
    MetricFamily family =
        metric_page_family(collect->page, str_from(name), PAGE_GAUGE, str_from(help));
    metric_page_put(collect->page, family, labels, LABELS, value);
}

static void put_mount(Collect *collect, const Mount *mount, Str device_error,
                      const struct statvfs *status)
{
    const PageLabel labels[] = {
        {"device", mount->device},
        {"mountpoint", mount->point},
        {"fstype", mount->type},
        {"device_error", device_error},
    };
    put_one(collect, "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.", labels,
            status ? 0 : 1);
    put_one(collect, "node_filesystem_readonly", "Filesystem read-only status.", labels,
            mount->read_only);
    if (!status) {
        return;
    }
    f64 unit = (f64)(status->f_frsize ? status->f_frsize : status->f_bsize);
    put_one(collect, "node_filesystem_size_bytes", "Filesystem size in bytes.", labels,
            (f64)status->f_blocks * unit);
    put_one(collect, "node_filesystem_free_bytes", "Filesystem free space in bytes.", labels,
            (f64)status->f_bfree * unit);
    put_one(collect, "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.", labels,
            (f64)status->f_bavail * unit);
    put_one(collect, "node_filesystem_files", "Filesystem total file nodes.", labels,
            (f64)status->f_files);
    put_one(collect, "node_filesystem_files_free", "Filesystem total free file nodes.", labels,
            (f64)status->f_ffree);
    put_one(collect, "node_filesystem_mount_info", "Filesystem mount information.",
            (PageLabel[]){{"device", mount->device},
                          {"major", mount->major},
                          {"minor", mount->minor},
                          {"mountpoint", mount->point}},
            1);
}

/* As the original words it: in lower case, as Go does. */
static Str error_words(int error, char reason[ERROR_WORDS_MAX])
{
    char system[ERROR_WORDS_MAX];
    if (error == ETIMEDOUT) {
        return S("mountpoint timeout");
    }
    (void)snprintf(reason, ERROR_WORDS_MAX, "%s", strerror_r(error, system, sizeof(system)));
    if (reason[0] >= 'A' && reason[0] <= 'Z') {
        reason[0] = (char)(reason[0] - 'A' + 'a');
    }
    return str_from(reason);
}

static void collect_mount(Collect *collect, const Mount *mount)
{
    struct statvfs status = {0};
    char path[COLLECT_PATH_MAX];
    const Str root = collect->opts->rootfs;
    if (str_eq(root, S("/"))) {
        (void)snprintf(path, sizeof(path), STR_FMT, STR_ARG(mount->point));
    } else {
        (void)snprintf(path, sizeof(path), STR_FMT STR_FMT, STR_ARG(root), STR_ARG(mount->point));
    }
    int error = may_hang(mount->type)
                    ? statvfs_bounded(path, collect->opts->filesystem_timeout_ms, &status)
                    : (statvfs(path, &status) == 0 ? 0 : errno);
    if (error == 0) {
        put_mount(collect, mount, STR_EMPTY, &status);
        return;
    }
    char reason[ERROR_WORDS_MAX];
    put_mount(collect, mount, error_words(error, reason), NULL);
}

/* A later mount on the same device and point hides an earlier one: each is shown once. */
static bool seen_before(const Mount *mounts, size_t count, const Mount *mount)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(mounts[i].device, mount->device) && str_eq(mounts[i].point, mount->point) &&
            str_eq(mounts[i].type, mount->type)) {
            return true;
        }
    }
    return false;
}

bool collect_filesystem(Collect *collect, Err *err)
{
    enum { MOUNTS_MAX = 4096 };
    Str file;
    Str text;
    Str line;
    Err first = {0};
    if (!read_proc(collect, "1/mountinfo", &file, &first) &&
        !read_proc(collect, "self/mountinfo", &file, err)) {
        return false;
    }
    Mount *mounts = ARENA_NEW(collect->arena, Mount, MOUNTS_MAX);
    size_t count = 0;
    if (!mounts || !arena_str(collect->arena, file, &text, err)) {
        return arena_full(collect->arena, err);
    }
    while (count < MOUNTS_MAX && next_line(&text, &line)) {
        Mount mount;
        if (!parse_mount(collect, line, &mount)) {
            continue;
        }
        mount.point = strip_rootfs(collect, mount.point);
        if (!filter_passes(collect->filters->filesystem_mounts_include,
                           collect->filters->filesystem_mounts_exclude, mount.point) ||
            !filter_passes(collect->filters->filesystem_types_include,
                           collect->filters->filesystem_types_exclude, mount.type) ||
            seen_before(mounts, count, &mount)) {
            continue;
        }
        mounts[count++] = mount;
        collect_mount(collect, &mount);
    }
    return true;
}
