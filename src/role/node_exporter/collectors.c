/* Collectors: the table, and what all of them share. See collector.h. Layer: role/node_exporter. */
#include "role/node_exporter/collector.h"

#include "codec/number.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW(name_)                                                                       \
    {                                                                                    \
        .name = #name_, .enabled = offsetof(NodeOpts, name_), .collect = collect_##name_ \
    }

const Collector collectors[] = {
    ROW(conntrack),  ROW(cpu),          ROW(cpufreq),  ROW(diskstats), ROW(entropy),  ROW(filefd),
    ROW(filesystem), ROW(hwmon),        ROW(loadavg),  ROW(meminfo),   ROW(netclass), ROW(netdev),
    ROW(netstat),    ROW(os),           ROW(pressure), ROW(schedstat), ROW(sockstat), ROW(stat),
    ROW(textfile),   ROW(thermal_zone), ROW(time),     ROW(timex),     ROW(uname),    ROW(vmstat),
};
const size_t collector_count = COUNT_OF(collectors);

bool filter_passes(const Regex *include, const Regex *exclude, Str text)
{
    return (!include || regex_test(include, text)) && (!exclude || !regex_test(exclude, text));
}

bool read_path(Collect *collect, const char *path, Str *ret, Err *err)
{
    if (!kernel_files_read(collect->kernel, path, collect->file, err)) {
        if (err && (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR)) {
            err->code = ERR_NOT_FOUND;
        }
        return false;
    }
    *ret = buf_view(collect->file);
    return true;
}

bool read_proc(Collect *collect, const char *path, Str *ret, Err *err)
{
    char full[COLLECT_PATH_MAX];
    (void)JOIN(full, collect->opts->procfs, S("/"), str_from(path));
    return read_path(collect, full, ret, err);
}

/* What one conversion of a path's format stands for. */
static Str path_part(char conversion, va_list *args)
{
    if (conversion == 's') {
        return str_from(va_arg(*args, const char *));
    }
    int len = va_arg(*args, int);
    return (Str){.ptr = va_arg(*args, const char *), .len = (size_t)len};
}

static Str append(Str so_far, size_t size, Str part)
{
    size_t len = MIN(part.len, size - 1 - so_far.len);
    if (len > 0) {
        memcpy((char *)so_far.ptr + so_far.len, part.ptr, len);
        so_far.len += len;
    }
    return so_far;
}

/* SYSFS/format: a format with %s and STR_FMT alone, which a scrape needs so often that vsnprintf
 * would take a tenth of its time. */
static void sys_path(const Collect *collect, char full[COLLECT_PATH_MAX], const char *format,
                     va_list *args)
{
    Str path = append((Str){.ptr = full}, COLLECT_PATH_MAX, collect->opts->sysfs);
    Str rest = str_from(format);
    path = append(path, COLLECT_PATH_MAX, S("/"));
    while (rest.len > 0) {
        size_t percent = str_find_byte(rest, '%');
        path = append(path, COLLECT_PATH_MAX, str_take(rest, percent));
        rest = percent == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, percent);
        if (rest.len > 0) {
            bool bounded = str_skip_prefix(&rest, S("%.*s"));
            ASSERT(bounded || str_skip_prefix(&rest, S("%s")));
            path = append(path, COLLECT_PATH_MAX, path_part(bounded ? '*' : 's', args));
        }
    }
    full[path.len] = '\0';
}

Str join_parts(char *room, size_t size, const Str *parts, size_t count)
{
    Str joined = {.ptr = room};
    for (size_t i = 0; i < count; i++) {
        joined = append(joined, size, parts[i]);
    }
    room[joined.len] = '\0';
    return joined;
}

bool read_sys(Collect *collect, Str *ret, Err *err, const char *format, ...)
{
    char full[COLLECT_PATH_MAX];
    va_list args;
    va_start(args, format);
    sys_path(collect, full, format, &args);
    va_end(args);
    return read_path(collect, full, ret, err);
}

bool sys_text(Collect *collect, Str *ret, const char *format, ...)
{
    char full[COLLECT_PATH_MAX];
    va_list args;
    va_start(args, format);
    sys_path(collect, full, format, &args);
    va_end(args);
    Str text;
    if (!read_path(collect, full, &text, NULL)) {
        return false;
    }
    *ret = str_trim(text);
    return true;
}

bool sys_number(Collect *collect, f64 *ret, const char *format, ...)
{
    char full[COLLECT_PATH_MAX];
    va_list args;
    va_start(args, format);
    sys_path(collect, full, format, &args);
    va_end(args);
    Str text;
    return read_path(collect, full, &text, NULL) && parse_number(str_trim(text), ret);
}

bool sys_exists(const Collect *collect, const char *format, ...)
{
    char full[COLLECT_PATH_MAX];
    va_list args;
    va_start(args, format);
    sys_path(collect, full, format, &args);
    va_end(args);
    return access(full, F_OK) == 0;
}

void enter_net_device(Collect *collect, Str device)
{
    char folder[COLLECT_PATH_MAX];
    (void)JOIN(folder, collect->opts->sysfs, S("/class/net/"), device);
    kernel_files_enter(collect->kernel, folder);
}

static bool wanted_name(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    if (name[0] == '.' || strncmp(name, prefix, len) != 0) {
        return false;
    }
    return len == 0 || (name[len] >= '0' && name[len] <= '9');
}

bool sys_list(Collect *collect, const char *path, const char *prefix, Str **ret, size_t *ret_count)
{
    char full[COLLECT_PATH_MAX];
    (void)JOIN(full, collect->opts->sysfs, S("/"), str_from(path));
    DIR *dir = opendir(full);
    if (!dir) {
        return false;
    }
    Str *names = NULL;
    size_t count = 0;
    size_t capacity = 0;
    bool ok = true;
    for (struct dirent *entry = readdir(dir); entry && ok; entry = readdir(dir)) {
        if (!wanted_name(entry->d_name, prefix)) {
            continue;
        }
        if (count == capacity) {
            size_t grown = capacity ? capacity * 2 : 16;
            Str *larger = ARENA_NEW(collect->arena, Str, grown);
            if (!larger) {
                ok = false;
                break;
            }
            if (count > 0) {
                memcpy(larger, names, count * sizeof(*names));
            }
            names = larger;
            capacity = grown;
        }
        ok = arena_str(collect->arena, str_from(entry->d_name), &names[count], NULL);
        count += ok;
    }
    (void)closedir(dir);
    if (count > 1) {
        qsort(names, count, sizeof(*names), str_cmp_qsort);
    }
    *ret = names;
    *ret_count = count;
    return ok;
}

bool next_line(Str *rest, Str *ret_line)
{
    if (rest->len == 0) {
        return false;
    }
    size_t end = str_find_byte(*rest, '\n');
    *ret_line = str_take(*rest, end);
    *rest = str_skip(*rest, end == STR_NOT_FOUND ? rest->len : end + 1);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

size_t split_fields(Str line, Str *fields, size_t max)
{
    size_t count = 0;
    const char *at = line.ptr;
    const char *end = line.ptr + line.len;
    while (count < max) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        if (at == end) {
            break;
        }
        const char *begin = at;
        while (at < end && !is_blank(*at)) {
            at++;
        }
        fields[count++] = str_range(begin, at);
    }
    return count;
}

bool parse_number(Str s, f64 *ret)
{
    return f64_parse(s, ret);
}

bool parse_hex(Str s, u64 *ret)
{
    u64 number = 0;
    (void)(str_skip_prefix(&s, S("0x")) || str_skip_prefix(&s, S("0X")));
    if (s.len == 0 || s.len > 16) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        u64 digit;
        if (c >= '0' && c <= '9') {
            digit = (u64)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (u64)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (u64)(c - 'A') + 10;
        } else {
            return false;
        }
        number = number * 16 + digit;
    }
    *ret = number;
    return true;
}
