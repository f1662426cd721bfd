/*
 * Sensors: everything below /sys/class/hwmon. A file "temp1_max" is the property "max" of the
 * sensor "temp1", whose type "temp" decides unit and name of the metric.
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 * Source: Documentation/hwmon/sysfs-interface.rst of Linux.
 */
#include "role/node_exporter/collector.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROPERTIES_MAX = 1024, /* files of one chip that are looked at */
    NAME_MAX_BYTES = 256,
};

static const Str sensor_types[] = {
    STR_INIT("vrm"),       STR_INIT("beep_enable"), STR_INIT("update_interval"),
    STR_INIT("in"),        STR_INIT("cpu"),         STR_INIT("fan"),
    STR_INIT("pwm"),       STR_INIT("temp"),        STR_INIT("curr"),
    STR_INIT("power"),     STR_INIT("energy"),      STR_INIT("humidity"),
    STR_INIT("intrusion"), STR_INIT("freq"),
};

typedef struct Property {
    Str type;    /* "temp" */
    Str sensor;  /* "temp1"; "0" when the file has no number */
    Str element; /* "max"; empty for a file like "pwm1" */
    Str text;    /* the file's content */
} Property;

typedef struct Chip {
    Str name;
    Property *properties; /* sorted by sensor, then element */
    size_t count;
} Chip;

/* Lower case, everything but letters, digits, ':' and '_' becomes '_', none at the ends. */
static bool clean_name(Arena *arena, Str name, Str *ret)
{
    Str copy;
    if (!arena_str(arena, str_trim(name), &copy, NULL)) {
        return false;
    }
    char *bytes = (char *)copy.ptr;
    for (size_t i = 0; i < copy.len; i++) {
        char c = bytes[i];
        if (c >= 'A' && c <= 'Z') {
            bytes[i] = (char)(c - 'A' + 'a');
        } else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_')) {
            bytes[i] = '_';
        }
    }
    while (copy.len > 0 && copy.ptr[0] == '_') {
        copy = str_skip(copy, 1);
    }
    while (copy.len > 0 && copy.ptr[copy.len - 1] == '_') {
        copy.len--;
    }
    *ret = copy;
    return copy.len > 0;
}

static Str last_part(Str path, Str *ret_rest)
{
    size_t slash = str_find_last_byte(path, '/');
    if (slash == STR_NOT_FOUND) {
        *ret_rest = STR_EMPTY;
        return path;
    }
    *ret_rest = str_take(path, slash);
    return str_skip(path, slash + 1);
}

/* The device that a folder belongs to, or an empty Str. Kept in the arena. */
static Str device_of(Collect *collect, const char *folder)
{
    char path[COLLECT_PATH_MAX];
    char real[PATH_MAX];
    Str kept;
    (void)snprintf(path, sizeof(path), STR_FMT "/class/hwmon/%s/device",
                   STR_ARG(collect->opts->sysfs), folder);
    return realpath(path, real) && arena_str(collect->arena, str_from(real), &kept, NULL)
               ? kept
               : STR_EMPTY;
}

/* The driver's name, cleaned; empty when there is none. */
static Str driver_name(Collect *collect, const char *folder)
{
    Str text;
    Str clean;
    return sys_text(collect, &text, "class/hwmon/%s/name", folder) &&
                   clean_name(collect->arena, text, &clean)
               ? clean
               : STR_EMPTY;
}

/* "bus_device" of a device's path, or only one of them; empty when neither is a name. */
static bool device_name(Arena *arena, Str path, Str *ret)
{
    Str rest;
    Str device;
    Str bus;
    Str device_part = last_part(path, &rest);
    Str bus_part = last_part(rest, &rest);
    if (!clean_name(arena, device_part, &device)) {
        return false;
    }
    if (!clean_name(arena, bus_part, &bus)) {
        *ret = device;
        return true;
    }
    return arena_printf(arena, ret, NULL, STR_FMT "_" STR_FMT, STR_ARG(bus), STR_ARG(device));
}

/*
 * From the device's bus and name ("pci0000:00_0000:00:18_3"), else the driver's name, else the
 * folder's. When one device has several folders, the driver's name tells them apart.
 */
static bool chip_name(Collect *collect, const char *folder, Str device, bool shared, Str *ret)
{
    Str driver = driver_name(collect, folder);
    Str name;
    if (device.len > 0 && device_name(collect->arena, device, &name)) {
        if (shared && driver.len > 0) {
            return arena_printf(collect->arena, ret, NULL, STR_FMT "_" STR_FMT, STR_ARG(name),
                                STR_ARG(driver));
        }
        *ret = name;
        return true;
    }
    if (driver.len > 0) {
        *ret = driver;
        return true;
    }
    return clean_name(collect->arena, str_from(folder), ret);
}

/* "temp1_max" → type, sensor, element. False for files that are no sensors. */
static bool split_file_name(Arena *arena, Str file, Property *ret)
{
    size_t digits = 0;
    while (digits < file.len && (file.ptr[digits] < '0' || file.ptr[digits] > '9')) {
        digits++;
    }
    size_t after = digits;
    while (after < file.len && file.ptr[after] >= '0' && file.ptr[after] <= '9') {
        after++;
    }
    if (after < file.len && (file.ptr[after] != '_' || after + 1 == file.len)) {
        return false;
    }
    Property property = {
        .type = str_take(file, digits),
        .element = str_skip(file, after + 1),
    };
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(sensor_types); i++) {
        known = known || str_eq(property.type, sensor_types[i]);
    }
    u64 number = 0;
    if (after > digits && !str_to_u64(str_slice(file, digits, after), &number)) {
        return false;
    }
    if (!known || !arena_printf(arena, &property.sensor, NULL, STR_FMT "%llu",
                                STR_ARG(property.type), (unsigned long long)number)) {
        return false;
    }
    *ret = property;
    return true;
}

static void read_folder(Collect *collect, const char *folder, Chip *chip)
{
    Str *files;
    size_t count;
    char below[COLLECT_PATH_MAX];
    (void)snprintf(below, sizeof(below), "class/hwmon/%s", folder);
    if (!sys_list(collect, below, "", &files, &count)) {
        return;
    }
    for (size_t i = 0; i < count && chip->count < PROPERTIES_MAX; i++) {
        Property property;
        Str text;
        if (split_file_name(collect->arena, files[i], &property) &&
            sys_text(collect, &text, "%s/%s", below, files[i].ptr) &&
            arena_str(collect->arena, text, &property.text, NULL)) {
            chip->properties[chip->count++] = property;
        }
    }
}

static int by_sensor(const void *a, const void *b)
{
    const Property *left = a;
    const Property *right = b;
    int order = str_cmp(left->sensor, right->sensor);
    return order ? order : str_cmp(left->element, right->element);
}

static bool has_element(const Chip *chip, Str sensor, Str element)
{
    for (size_t i = 0; i < chip->count; i++) {
        if (str_eq(chip->properties[i].sensor, sensor) &&
            str_eq(chip->properties[i].element, element)) {
            return true;
        }
    }
    return false;
}

/* How a type of sensor is shown. An empty `element` stands for all. */
typedef struct UnitRule {
    const char *type;
    const char *element;
    const char *suffix;
    const char *help; /* with the element in parentheses where it ends in "(" */
    f64 factor;
    PageType page_type;
} UnitRule;

static const UnitRule unit_rules[] = {
    {"in", "", "_volts", "Hardware monitor for voltage (", 0.001, PAGE_GAUGE},
    {"cpu", "", "_volts", "Hardware monitor for voltage (", 0.001, PAGE_GAUGE},
    {"temp", "", "_celsius", "Hardware monitor for temperature (", 0.001, PAGE_GAUGE},
    {"curr", "", "_amps", "Hardware monitor for current (", 0.001, PAGE_GAUGE},
    {"energy", "", "_joule_total", "Hardware monitor for joules used so far (", 0.000001,
     PAGE_COUNTER},
    {"power", "accuracy", "", "Hardware monitor power meter accuracy, as ratio", 0.000001,
     PAGE_GAUGE},
    {"power", "average_interval", "_seconds", "Hardware monitor power usage update interval (",
     0.001, PAGE_GAUGE},
    {"power", "average_interval_min", "_seconds", "Hardware monitor power usage update interval (",
     0.001, PAGE_GAUGE},
    {"power", "average_interval_max", "_seconds", "Hardware monitor power usage update interval (",
     0.001, PAGE_GAUGE},
    {"power", "", "_watt", "Hardware monitor for power usage in watts (", 0.000001, PAGE_GAUGE},
    {"humidity", "", "",
     "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a "
     "percentage) (",
     0.000001, PAGE_GAUGE},
    {"fan", "input", "_rpm", "Hardware monitor for fan revolutions per minute (", 1, PAGE_GAUGE},
    {"fan", "min", "_rpm", "Hardware monitor for fan revolutions per minute (", 1, PAGE_GAUGE},
    {"fan", "max", "_rpm", "Hardware monitor for fan revolutions per minute (", 1, PAGE_GAUGE},
    {"fan", "target", "_rpm", "Hardware monitor for fan revolutions per minute (", 1, PAGE_GAUGE},
    {"freq", "input", "_freq_mhz", "Hardware monitor for GPU frequency in MHz", 0.000001,
     PAGE_GAUGE},
};

static const UnitRule *find_rule(const Property *property)
{
    if (str_eq(property->type, S("temp")) && str_eq(property->element, S("type"))) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(unit_rules); i++) {
        const UnitRule *rule = &unit_rules[i];
        if (str_eq(property->type, str_from(rule->type)) &&
            (rule->element[0] == '\0' || str_eq(property->element, str_from(rule->element)))) {
            return rule;
        }
    }
    return NULL;
}

/* GPU clocks are known by their labels ("sclk"), other sensors by their number. */
static Str shown_sensor(const Chip *chip, const Property *property)
{
    for (size_t i = 0; i < chip->count && str_eq(property->type, S("freq")); i++) {
        const Property *other = &chip->properties[i];
        if (str_eq(other->sensor, property->sensor) && str_eq(other->element, S("label"))) {
            return other->text;
        }
    }
    return property->sensor;
}

static void put_value(Collect *collect, const Chip *chip, const Property *property,
                      const char *name, PageType type, const char *help, f64 value)
{
    MetricFamily family = metric_page_family(collect->page, str_from(name), type, str_from(help));
    metric_page_put(collect->page, family,
                    (PageLabel[]){{"chip", chip->name}, {"sensor", shown_sensor(chip, property)}},
                    2, value);
}

/* Files that are one setting of the whole chip. */
static bool put_chip_setting(Collect *collect, const Chip *chip, const Property *property,
                             f64 value)
{
    if (str_eq(property->type, S("beep_enable"))) {
        put_value(collect, chip, property, "node_hwmon_beep_enabled", PAGE_GAUGE,
                  "Hardware beep enabled", value == 1);
    } else if (str_eq(property->type, S("vrm"))) {
        put_value(collect, chip, property, "node_hwmon_voltage_regulator_version", PAGE_GAUGE,
                  "Hardware voltage regulator", value);
    } else if (str_eq(property->type, S("update_interval"))) {
        put_value(collect, chip, property, "node_hwmon_update_interval_seconds", PAGE_GAUGE,
                  "Hardware monitor update interval", value * 0.001);
    } else {
        return false;
    }
    return true;
}

/* "node_hwmon_temp", "node_hwmon_temp_max": "input" is the value itself unless "pwm1" stands beside
 * it. */
static bool base_name(Collect *collect, const Chip *chip, const Property *property, Str *ret)
{
    Str element = property->element;
    if (str_eq(element, S("input")) && !has_element(chip, property->sensor, STR_EMPTY)) {
        element = STR_EMPTY;
    }
    Str clean = STR_EMPTY;
    if (element.len > 0 && !clean_name(collect->arena, element, &clean)) {
        clean = STR_EMPTY;
    }
    return arena_printf(collect->arena, ret, NULL, "node_hwmon_" STR_FMT "%s" STR_FMT,
                        STR_ARG(property->type), clean.len > 0 ? "_" : "", STR_ARG(clean));
}

static void put_property(Collect *collect, const Chip *chip, const Property *property)
{
    f64 value;
    Str base;
    char name[NAME_MAX_BYTES];
    char help[NAME_MAX_BYTES];
    Str element = property->element;
    if (str_eq(element, S("label")) || !parse_number(property->text, &value) ||
        put_chip_setting(collect, chip, property, value) ||
        !base_name(collect, chip, property, &base)) {
        return;
    }
    (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(base));
    if (str_eq(element, S("fault")) || str_eq(element, S("alarm"))) {
        (void)snprintf(help, sizeof(help), "Hardware sensor " STR_FMT " status (" STR_FMT ")",
                       STR_ARG(element), STR_ARG(property->type));
        put_value(collect, chip, property, name, PAGE_GAUGE, help, value);
        return;
    }
    if (str_eq(element, S("beep"))) {
        (void)snprintf(name, sizeof(name), STR_FMT "_enabled", STR_ARG(base));
        put_value(collect, chip, property, name, PAGE_GAUGE,
                  "Hardware monitor sensor has beeping enabled", value);
        return;
    }
    const UnitRule *rule = find_rule(property);
    if (!rule) {
        (void)snprintf(help, sizeof(help), "Hardware monitor " STR_FMT " element " STR_FMT,
                       STR_ARG(property->type), STR_ARG(element));
        put_value(collect, chip, property, name, PAGE_GAUGE, help, value);
        return;
    }
    size_t help_len = strlen(rule->help);
    if (help_len > 0 && rule->help[help_len - 1] == '(') {
        Str shown = element.len > 0 ? element : S("input");
        (void)snprintf(help, sizeof(help), "%s" STR_FMT ")", rule->help, STR_ARG(shown));
    } else {
        (void)snprintf(help, sizeof(help), "%s", rule->help);
    }
    (void)snprintf(name, sizeof(name), STR_FMT "%s", STR_ARG(base), rule->suffix);
    put_value(collect, chip, property, name, rule->page_type, help, value * rule->factor);
}

static void put_labels(Collect *collect, const Chip *chip)
{
    MetricFamily family = metric_page_family(collect->page, S("node_hwmon_sensor_label"),
                                             PAGE_GAUGE, S("Label for given chip and sensor"));
    for (size_t i = 0; i < chip->count; i++) {
        const Property *property = &chip->properties[i];
        if (str_eq(property->element, S("label"))) {
            metric_page_put(collect->page, family,
                            (PageLabel[]){{"chip", chip->name},
                                          {"sensor", property->sensor},
                                          {"label", property->text}},
                            3, 1);
        }
    }
}

static void collect_chip(Collect *collect, const char *folder, Chip *chip)
{
    char device[COLLECT_PATH_MAX];
    if (!filter_passes(collect->filters->hwmon_chip_include, collect->filters->hwmon_chip_exclude,
                       chip->name)) {
        return;
    }
    read_folder(collect, folder, chip);
    (void)snprintf(device, sizeof(device), "%s/device", folder);
    read_folder(collect, device, chip);
    if (chip->count > 1) {
        qsort(chip->properties, chip->count, sizeof(*chip->properties), by_sensor);
    }
    Str human = driver_name(collect, folder);
    if (human.len > 0) {
        MetricFamily names =
            metric_page_family(collect->page, S("node_hwmon_chip_names"), PAGE_GAUGE,
                               S("Annotation metric for human-readable chip names"));
        metric_page_put(collect->page, names,
                        (PageLabel[]){{"chip", chip->name}, {"chip_name", human}}, 2, 1);
    }
    put_labels(collect, chip);
    for (size_t i = 0; i < chip->count; i++) {
        const Property *property = &chip->properties[i];
        char key[NAME_MAX_BYTES];
        (void)snprintf(key, sizeof(key), STR_FMT ";" STR_FMT, STR_ARG(chip->name),
                       STR_ARG(property->sensor));
        bool repeated = i > 0 && str_eq(property->sensor, chip->properties[i - 1].sensor) &&
                        str_eq(property->element, chip->properties[i - 1].element);
        if (!repeated && filter_passes(collect->filters->hwmon_sensor_include,
                                       collect->filters->hwmon_sensor_exclude, str_from(key))) {
            put_property(collect, chip, property);
        }
    }
}

bool collect_hwmon(Collect *collect, Err *err)
{
    Str *folders;
    size_t count;
    if (!sys_list(collect, "class/hwmon", "", &folders, &count)) {
        return err_set(err, ERR_NOT_FOUND, "hwmon: there is no /sys/class/hwmon");
    }
    Property *properties = ARENA_NEW(collect->arena, Property, PROPERTIES_MAX);
    Str *devices = ARENA_NEW(collect->arena, Str, count);
    if (!properties || !devices) {
        return arena_full(collect->arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        devices[i] = device_of(collect, folders[i].ptr);
    }
    for (size_t i = 0; i < count; i++) {
        Chip chip = {.properties = properties};
        bool shared = false;
        for (size_t other = 0; other < count; other++) {
            shared =
                shared || (other != i && devices[i].len > 0 && str_eq(devices[i], devices[other]));
        }
        if (chip_name(collect, folders[i].ptr, devices[i], shared, &chip.name)) {
            collect_chip(collect, folders[i].ptr, &chip);
        }
    }
    return true;
}
