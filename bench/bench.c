// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <stdlib.h>

#include "base/memory.h"
#include "bayhenn/he.h"
#include "measure.h"

#define QUICK_REPEATS 3

void bench_need(const char *command, bh_status status)
{
    const bh_error err = {.status = status};
    bench_need_with(command, status, &err);
}

void bench_need_with(const char *command, bh_status status, const bh_error *err)
{
    if (status != BH_OK) {
        exit(cli_fail_with(command, err));
    }
}

void *bench_alloc(const char *command, size_t count, size_t size)
{
    void *block = bh_alloc(count, size);
    bench_need(command, block != NULL ? BH_OK : BH_ERR_NOMEM);
    return block;
}

bool bench_link(const char *command, const char *text, const char *more, bh_link *out)
{
    bool parsed = bh_link_parse(out, text, NULL) == BH_OK;
    bool ok = parsed && out->bytes_per_second > BH_LINK_BYTES_ONLY;
    if (!ok) {
        cli_usage(command,
                  "--link takes %s10gbit, 1gbit, \"100mbit,40ms\" or BYTES/S,RTT, not "
                  "\"%s\"%s",
                  more, text, parsed ? ": a simulated link needs a speed" : "");
    }
    return ok;
}

const char *bench_kernel_name(const char *command)
{
    bh_he *he = NULL;
    bench_need(command, bh_he_new(&he, "n4096", NULL));
    const char *kernels = bh_he_kernels(he); // a constant
    bh_he_free(he);
    return kernels;
}

bool bench_take(const char *command, bench_options *o, int option, const char *value)
{
    uint64_t number = 0;
    bool ok = true;
    switch (option) {
    case BENCH_REPEATS:
        ok = cli_number(command, "--repeats", value, MEASURE_REPEATS_MIN,
                        MEASURE_REPEATS_MAX, &number);
        o->repeats = (size_t)number;
        break;
    case BENCH_QUICK:
        o->quick = true;
        break;
    case BENCH_JSON:
        o->json = true;
        break;
    default:
        ok = false;
    }
    return ok;
}

size_t bench_repeats(const bench_options *o, size_t usual)
{
    if (o->repeats > 0) {
        return o->repeats;
    }
    return o->quick ? QUICK_REPEATS : usual;
}
