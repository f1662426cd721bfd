/*
 * Network collectors: netdev (counters of /proc/net/dev), netclass (properties below
 * /sys/class/net) and netstat (protocol statistics).
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 * Source: proc(5), Documentation/ABI/testing/sysfs-class-net of Linux.
 */
#include "role/node_exporter/collector.h"

#include <string.h>

#define BYTES_PER_MEGABIT (1000.0 * 1000.0 / 8.0)

static const char *const receive_columns[] = {
    "receive_bytes", "receive_packets", "receive_errs",       "receive_drop",
    "receive_fifo",  "receive_frame",   "receive_compressed", "receive_multicast",
};
static const char *const transmit_columns[] = {
    "transmit_bytes", "transmit_packets", "transmit_errs",    "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier", "transmit_compressed",
};

static void put_counter(Collect *collect, const char *column, Str device, f64 value)
{
    char name[96];
    char help[96];
    MetricFamily family = metric_page_family(
        collect->page, JOIN(name, S("node_network_"), str_from(column), S("_total")), PAGE_COUNTER,
        JOIN(help, S("Network device statistic "), str_from(column), S(".")));
    metric_page_put(collect->page, family, (PageLabel[]){{"device", device}}, 1, value);
}

bool collect_netdev(Collect *collect, Err *err)
{
    enum { HEADER_LINES = 2, COLUMNS = COUNT_OF(receive_columns) + COUNT_OF(transmit_columns) };
    Str file;
    Str text;
    Str line;
    if (!read_proc(collect, "net/dev", &file, err) ||
        !arena_str(collect->arena, file, &text, err)) {
        return err_wrap(err, "couldn't get netstats");
    }
    for (size_t number = 0; next_line(&text, &line); number++) {
        size_t colon = str_find_last_byte(line, ':');
        if (number < HEADER_LINES || colon == STR_NOT_FOUND) {
            continue;
        }
        Str device = str_trim(str_take(line, colon));
        Str fields[COLUMNS];
        if (!filter_passes(collect->filters->netdev_include, collect->filters->netdev_exclude,
                           device)) {
            continue;
        }
        size_t count = split_fields(str_skip(line, colon + 1), fields, COLUMNS);
        for (size_t i = 0; i < count; i++) {
            f64 value;
            bool receive = i < COUNT_OF(receive_columns);
            const char *column =
                receive ? receive_columns[i] : transmit_columns[i - COUNT_OF(receive_columns)];
            if (!parse_number(fields[i], &value)) {
                return err_set(err, ERR_INVALID, "invalid value in net/dev: " STR_FMT,
                               STR_ARG(line));
            }
            put_counter(collect, column, device, value);
        }
        f64 no_handler;
        enter_net_device(collect, device);
        if (sys_number(collect, &no_handler, "class/net/" STR_FMT "/statistics/rx_nohandler",
                       STR_ARG(device))) {
            put_counter(collect, "receive_nohandler", device, no_handler);
        }
    }
    return true;
}

typedef struct ClassRow {
    const char *file;
    const char *name; /* behind node_network_ */
    PageType type;
    bool hexadecimal;
} ClassRow;

static const ClassRow class_rows[] = {
    {"addr_assign_type", "address_assign_type", PAGE_GAUGE, false},
    {"carrier", "carrier", PAGE_GAUGE, false},
    {"carrier_changes", "carrier_changes_total", PAGE_COUNTER, false},
    {"carrier_up_count", "carrier_up_changes_total", PAGE_COUNTER, false},
    {"carrier_down_count", "carrier_down_changes_total", PAGE_COUNTER, false},
    {"dev_id", "device_id", PAGE_GAUGE, true},
    {"dormant", "dormant", PAGE_GAUGE, false},
    {"flags", "flags", PAGE_GAUGE, true},
    {"ifindex", "iface_id", PAGE_GAUGE, false},
    {"iflink", "iface_link", PAGE_GAUGE, false},
    {"link_mode", "iface_link_mode", PAGE_GAUGE, false},
    {"mtu", "mtu_bytes", PAGE_GAUGE, false},
    {"name_assign_type", "name_assign_type", PAGE_GAUGE, false},
    {"netdev_group", "net_dev_group", PAGE_GAUGE, false},
    {"tx_queue_len", "transmit_queue_length", PAGE_GAUGE, false},
    {"type", "protocol_type", PAGE_GAUGE, false},
};

static void put_property(Collect *collect, const char *property, PageType type, Str device,
                         f64 value)
{
    char name[96];
    char help[128];
    MetricFamily family =
        metric_page_family(collect->page, JOIN(name, S("node_network_"), str_from(property)), type,
                           JOIN(help, S("Network device property: "), str_from(property)));
    metric_page_put(collect->page, family, (PageLabel[]){{"device", device}}, 1, value);
}

/* A text attribute, kept beyond the next read; empty when there is none. */
static Str attribute(Collect *collect, const char *device, const char *file)
{
    Str text;
    Str kept;
    if (sys_text(collect, &text, "class/net/%s/%s", device, file) &&
        arena_str(collect->arena, text, &kept, NULL)) {
        return kept;
    }
    return STR_EMPTY;
}

static bool class_number(Collect *collect, const char *device, const ClassRow *row, f64 *ret)
{
    Str text;
    u64 number;
    if (!sys_text(collect, &text, "class/net/%s/%s", device, row->file)) {
        return false;
    }
    if (row->hexadecimal && parse_hex(text, &number)) {
        *ret = (f64)number;
        return true;
    }
    return !row->hexadecimal && parse_number(text, ret);
}

static void put_state(Collect *collect, Str device, bool up_flag_known, bool up_flag)
{
    Str state = attribute(collect, device.ptr, "operstate");
    MetricFamily up = metric_page_family(collect->page, S("node_network_up"), PAGE_GAUGE,
                                         S("Value is 1 if operstate is 'up', 0 otherwise."));
    metric_page_put(collect->page, up, (PageLabel[]){{"device", device}}, 1,
                    str_eq(state, S("up")));
    MetricFamily info =
        metric_page_family(collect->page, S("node_network_info"), PAGE_GAUGE,
                           S("Non-numeric data from /sys/class/net/<iface>, value is always 1."));
    const PageLabel labels[] = {
        {"device", device},
        {"address", attribute(collect, device.ptr, "address")},
        {"broadcast", attribute(collect, device.ptr, "broadcast")},
        {"duplex", attribute(collect, device.ptr, "duplex")},
        {"operstate", state},
        {"adminstate", up_flag_known ? (up_flag ? S("up") : S("down")) : S("unknown")},
        {"ifalias", attribute(collect, device.ptr, "ifalias")},
    };
    metric_page_put(collect->page, info, labels, COUNT_OF(labels), 1);
}

static void collect_device(Collect *collect, Str device)
{
    enum { IFF_UP_BIT = 1 };
    bool flags_known = false;
    u64 flags = 0;
    for (size_t i = 0; i < COUNT_OF(class_rows); i++) {
        f64 value;
        if (!class_number(collect, device.ptr, &class_rows[i], &value)) {
            continue;
        }
        put_property(collect, class_rows[i].name, class_rows[i].type, device, value);
        if (strcmp(class_rows[i].file, "flags") == 0) {
            flags_known = true;
            flags = (u64)value;
        }
    }
    f64 speed;
    if (sys_number(collect, &speed, "class/net/%s/speed", device.ptr) &&
        (speed >= 0 || !collect->opts->netclass_ignore_invalid_speed)) {
        put_property(collect, "speed_bytes", PAGE_GAUGE, device, speed * BYTES_PER_MEGABIT);
    }
    put_state(collect, device, flags_known, (flags & IFF_UP_BIT) != 0);
}

bool collect_netclass(Collect *collect, Err *err)
{
    Str *devices;
    size_t count;
    if (!sys_list(collect, "class/net", "", &devices, &count)) {
        return err_set(err, ERR_NOT_FOUND, "could not get net class info: no /sys/class/net");
    }
    for (size_t i = 0; i < count; i++) {
        Str type;
        if (!filter_passes(NULL, collect->filters->netclass_ignored, devices[i])) {
            continue;
        }
        enter_net_device(collect, devices[i]);
        if (!sys_text(collect, &type, "class/net/%s/type", devices[i].ptr)) {
            continue; /* bonding_masters is a file, not a device */
        }
        collect_device(collect, devices[i]);
    }
    return true;
}

static void put_statistic(Collect *collect, Str protocol, Str field, Str text)
{
    char key[128];
    char name[160];
    char help[160];
    f64 value;
    Str full = JOIN(key, protocol, S("_"), field);
    if (!filter_passes(collect->filters->netstat_fields, NULL, full) ||
        !parse_number(text, &value)) {
        return;
    }
    (void)JOIN(name, S("node_netstat_"), full);
    (void)JOIN(help, S("Statistic "), protocol, field, S("."));
    metric_page_single(collect->page, name, PAGE_UNTYPED, help, value);
}

/* Pairs of lines: "TcpExt: name name …" and "TcpExt: 1 2 …". */
static bool paired_file(Collect *collect, const char *path, Err *err)
{
    enum { FIELDS_MAX = 512 };
    Str text;
    Str names_line;
    Str values_line;
    Str *names = ARENA_NEW(collect->arena, Str, FIELDS_MAX);
    Str *values = ARENA_NEW(collect->arena, Str, FIELDS_MAX);
    if (!names || !values) {
        return arena_full(collect->arena, err);
    }
    if (!read_proc(collect, path, &text, err)) {
        return err_wrap(err, "couldn't get netstats");
    }
    while (next_line(&text, &names_line) && next_line(&text, &values_line)) {
        size_t name_count = split_fields(names_line, names, FIELDS_MAX);
        size_t value_count = split_fields(values_line, values, FIELDS_MAX);
        if (name_count == 0 || name_count != value_count || names[0].len < 2) {
            return err_set(err, ERR_INVALID, "mismatch field count mismatch in %s", path);
        }
        Str protocol = str_take(names[0], names[0].len - 1);
        for (size_t i = 1; i < name_count; i++) {
            put_statistic(collect, protocol, names[i], values[i]);
        }
    }
    return true;
}

/* "Ip6InReceives   7": the protocol ends with the "6" of IPv6. */
static bool snmp6_file(Collect *collect, Err *err)
{
    Str text;
    Str line;
    Err missing = {0};
    if (!read_proc(collect, "net/snmp6", &text, &missing)) {
        return missing.code == ERR_NOT_FOUND ||
               err_set(err, missing.code, "couldn't get SNMP6 stats: %s", missing.message);
    }
    while (next_line(&text, &line)) {
        Str fields[2];
        if (split_fields(line, fields, 2) < 2) {
            continue;
        }
        size_t six = str_find_byte(fields[0], '6');
        if (six != STR_NOT_FOUND) {
            put_statistic(collect, str_take(fields[0], six + 1), str_skip(fields[0], six + 1),
                          fields[1]);
        }
    }
    return true;
}

bool collect_netstat(Collect *collect, Err *err)
{
    return paired_file(collect, "net/netstat", err) && paired_file(collect, "net/snmp", err) &&
           snmp6_file(collect, err);
}
