"""The same PromQL on two servers: queries over the page of `steady_page`, and what counts as the same answer."""
import json
import math

RELATIVE = 1e-9  # of sums that were added in another order

# {r} is a range that the data fill. The last counters of each family have been reset, labels overlap, some are sparse.
QUERIES = """
steady_gauge
steady_gauge{zone="a"}
steady_gauge{zone!="a",host=~"h[12]"}
steady_gauge{host!~"h1|h2"}
steady_gauge > 50
steady_gauge > bool 50
-steady_gauge
steady_gauge * 2 + 1
steady_gauge % 7
steady_gauge ^ 0.5
steady_gauge / on(host, zone) steady_other
steady_gauge + on(host) group_left(role) steady_info
steady_gauge and on(host) steady_info{role="web"}
steady_gauge unless on(host) steady_info{role="web"}
steady_gauge or steady_other
steady_gauge == steady_gauge offset 3s
steady_gauge offset 5s
steady_gauge @ end()
steady_gauge[{r}]
sum(steady_gauge)
sum by (zone) (steady_gauge)
sum without (host) (steady_gauge)
avg by (host) (steady_gauge)
min(steady_gauge)
max by (zone) (steady_gauge)
count by (zone) (steady_gauge > 20)
group by (host) (steady_gauge)
stddev by (zone) (steady_gauge)
stdvar(steady_gauge)
quantile(0.7, steady_gauge)
count_values("v", steady_info)
topk(2, steady_gauge)
bottomk by (zone) (1, steady_gauge)
sort(steady_gauge)
sort_desc(steady_gauge)
rate(steady_total[{r}])
irate(steady_total[{r}])
increase(steady_total[{r}])
resets(steady_total[{r}])
changes(steady_gauge[{r}])
delta(steady_gauge[{r}])
idelta(steady_gauge[{r}])
deriv(steady_gauge[{r}])
predict_linear(steady_gauge[{r}], 60)
avg_over_time(steady_gauge[{r}])
sum_over_time(steady_gauge[{r}])
min_over_time(steady_gauge[{r}])
max_over_time(steady_gauge[{r}])
count_over_time(steady_sparse[{r}])
last_over_time(steady_sparse[{r}])
present_over_time(steady_sparse[{r}])
stddev_over_time(steady_gauge[{r}])
quantile_over_time(0.9, steady_gauge[{r}])
absent(steady_gauge)
absent(steady_nothing{a="b"})
absent_over_time(steady_nothing[{r}])
histogram_quantile(0.9, sum by (le) (rate(steady_seconds_bucket[{r}])))
histogram_quantile(0.5, steady_seconds_bucket)
rate(steady_seconds_sum[{r}]) / rate(steady_seconds_count[{r}])
sum by (zone) (rate(steady_total[{r}])) / ignoring(zone) group_left sum(rate(steady_total[{r}]))
max_over_time(rate(steady_total[5s])[{r}:2s])
sum_over_time(steady_gauge[{r}:3s])
label_replace(steady_gauge, "short", "$1", "host", "h(.*)")
label_join(steady_gauge, "both", "-", "host", "zone")
clamp(steady_gauge, 10, 60)
round(steady_gauge, 5)
abs(steady_gauge - 50)
ceil(steady_gauge / 3)
sgn(steady_gauge - 50)
ln(steady_gauge + 1)
timestamp(steady_gauge)
scalar(steady_gauge{host="h0",zone="a"})
vector(time())
hour(timestamp(steady_gauge))
{__name__=~"steady_(gauge|other)",zone="b"}
steady_special
steady_special * 2
avg(steady_special)
steady_gauge / 0
steady_gauge + ignoring(zone) steady_other
sum(
steady_gauge[5x]
rate(steady_gauge)
unknown_function(steady_gauge)
"""


def queries(range_text):
    """The list, with its ranges."""
    return [line.replace("{r}", range_text) for line in QUERIES.splitlines() if line]


def steady_page(second):
    """An exposition page that depends on nothing but the second, which also stamps its samples.

    Two servers that scrape it several times before it changes therefore store the same samples, whenever they come.
    """
    out = []

    def family(name, kind):
        out.append(f"# HELP {name} Depends on the second alone.\n# TYPE {name} {kind}\n")

    def sample(name, labels, value):
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        out.append(f"{name}{{{text}}} {value} {second * 1000}\n")

    places = [(host, zone) for host in range(4) for zone in "abc"]
    family("steady_gauge", "gauge")
    for index, (host, zone) in enumerate(places):
        sample("steady_gauge", {"host": f"h{host}", "zone": zone}, (second * (index + 3) * 7919 % 1000) / 10)
    family("steady_other", "gauge")
    for index, (host, zone) in enumerate(places[2:]):
        sample("steady_other", {"host": f"h{host}", "zone": zone}, second % 60 + index + 0.125)
    family("steady_info", "gauge")
    for host in range(4):
        sample("steady_info", {"host": f"h{host}", "role": "web" if host % 2 else "db"}, 1)
    family("steady_total", "counter")
    for index, (host, zone) in enumerate(places):
        count = second % 86400 * (index + 1) + 100000
        if index > 8:
            count = second % (7 + index) * 10 + 1000  # reset every so often
        sample("steady_total", {"host": f"h{host}", "zone": zone}, count)
    family("steady_seconds", "histogram")
    for zone, factor in (("a", 1), ("b", 3)):
        count = second % 86400 * factor
        for le, share in (("0.1", 0.5), ("0.5", 0.8), ("1.0", 0.9), ("+Inf", 1)):
            sample("steady_seconds_bucket", {"zone": zone, "le": le}, int(count * share) + 1000)
        sample("steady_seconds_sum", {"zone": zone}, count * 0.25)
        sample("steady_seconds_count", {"zone": zone}, count + 1000)
    if second % 3 == 0:
        family("steady_sparse", "gauge")
        sample("steady_sparse", {"host": "h0"}, second % 100)
    family("steady_special", "gauge")
    for index, value in enumerate(("NaN", "+Inf", "-Inf", "-0", "1e-300", "1.7976931348623157e+308")):
        sample("steady_special", {"kind": str(index)}, value)
    return "".join(out)


def _same_value(one, other):
    if one == other:
        return True
    one, other = float(one), float(other)
    if math.isnan(one) and math.isnan(other):
        return True
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=1e-12)


def _points(series):
    return series["values"] if "values" in series else [series["value"]]


def difference(one, other, ordered=False):
    """None when two API answers say the same, else what differs."""
    if one["status"] != other["status"]:
        return f"{one['status']} ({one.get('error')}) / {other['status']} ({other.get('error')})"
    if one["status"] == "error":
        same = one["errorType"] == other["errorType"]
        return None if same else f"{one['errorType']} / {other['errorType']}"
    one, other = one["data"], other["data"]
    if one["resultType"] != other["resultType"]:
        return f"{one['resultType']} / {other['resultType']}"
    if one["resultType"] in ("scalar", "string"):
        same = one["result"][0] == other["result"][0] and _same_value(one["result"][1], other["result"][1])
        return None if same else f"{one['result']} / {other['result']}"
    names = [[json.dumps(series["metric"], sort_keys=True) for series in side["result"]] for side in (one, other)]
    if sorted(names[0]) != sorted(names[1]):
        return f"series {sorted(set(names[0]) ^ set(names[1]))[:4]} on one side only"
    if ordered and names[0] != names[1]:
        return f"order {names[0]} / {names[1]}"
    sides = [{name: _points(series) for name, series in zip(keys, side["result"])}
             for keys, side in zip(names, (one, other))]
    for name, points in sides[0].items():
        theirs = sides[1][name]
        if len(points) != len(theirs):
            return f"{name}: {len(points)} points / {len(theirs)}"
        for point, their in zip(points, theirs):
            if float(point[0]) != float(their[0]) or not _same_value(point[1], their[1]):
                return f"{name}: {point} / {their}"
    return None


def differences(one, other, expressions, start, end, step):
    """What differs between two servers (harness.Prometheus): instant queries at `end`, range queries from `start`."""
    found = []
    for expression in expressions:
        ordered = expression.startswith(("sort", "topk"))
        answers = [server.api("query", query=expression, time=end) for server in (one, other)]
        text = difference(*answers, ordered=ordered)
        if text:
            found.append(f"instant {expression}: {text}")
        answers = [server.api("query_range", query=expression, start=start, end=end, step=step)
                   for server in (one, other)]
        text = difference(*answers)
        if text:
            found.append(f"range {expression}: {text}")
    return found
