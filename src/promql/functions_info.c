/*
 * info(): adds to each series the labels of the info metrics that share its identifying labels.
 *
 * Layer: promql. Memory: see eval.h. Thread: the query's.
 */
#include "promql/call.h"

bool call_info(const Call *call, Value *ret, Err *err)
{
    (void)call;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "info() is not supported");
}
