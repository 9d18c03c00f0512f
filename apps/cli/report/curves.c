// SPDX-License-Identifier: Apache-2.0
#include "report/curves.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lines.h"

// Beyond this a number is none that training wrote, and no chart could show it.
#define NUMBER_MAX 1e9

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    return fabs(number) <= NUMBER_MAX ? number : NAN;
}

static bh_status append(curves *out, const json_t *object)
{
    curve_point p = {.epoch = number_of(object, "epoch"),
                     .member = number_of(object, "member"),
                     .loss = number_of(object, "loss"),
                     .accuracy = number_of(object, "accuracy"),
                     .validation_loss = number_of(object, "val_loss"),
                     .validation_accuracy = number_of(object, "val_accuracy")};
    if (isnan(p.epoch)) {
        return BH_OK; // what training says at its end, for example
    }
    p.member = isnan(p.member) ? 1 : p.member;
    // Grows to the next power of two.
    if ((out->count & (out->count - 1)) == 0) {
        size_t room = out->count > 0 ? 2 * out->count : 1;
        curve_point *grown = realloc(out->points, room * sizeof *grown);
        if (grown == NULL) {
            return BH_ERR_NOMEM;
        }
        out->points = grown;
    }
    out->points[out->count++] = p;
    return BH_OK;
}

static bh_status add_line(curves *out, const char *path, size_t number,
                          const char *line, bh_error *err)
{
    json_t *object = json_loads(line, 0, NULL);
    bh_status status = BH_OK;
    if (!json_is_object(object)) {
        status = bh_fail(err, BH_ERR_ENCODING,
                         "line %zu of %s is no JSON object: --curves takes what train "
                         "--json writes",
                         number, path);
    } else if (out->count == CURVES_POINTS_MAX) {
        status = bh_fail(err, BH_ERR_ENCODING, "%s has more than %d epochs", path,
                         CURVES_POINTS_MAX);
    } else if ((status = append(out, object)) != BH_OK) {
        status = bh_fail_plain(err, status);
    }
    json_decref(object);
    return status;
}

static bh_status read_lines(curves *out, lines *l, const char *path, bh_error *err)
{
    bh_status status = BH_OK;
    for (size_t number = 1; status == BH_OK; number++) {
        char *line;
        lines_found found = lines_next(l, true, &line);
        if (found == LINES_END) {
            break;
        }
        if (found == LINES_LINE) {
            status = add_line(out, path, number, line, err);
        } else if (found == LINES_BAD) {
            status = bh_fail(err, BH_ERR_ENCODING, "line %zu of %s is too long", number,
                             path);
        } else {
            status =
                bh_fail(err, BH_ERR_IO, "cannot read %s: %s", path, strerror(errno));
        }
    }
    if (status == BH_OK && out->count == 0) {
        status = bh_fail(err, BH_ERR_ENCODING, "%s has no line of an epoch", path);
    }
    return status;
}

bh_status curves_load(curves *out, const char *path, bh_error *err)
{
    lines *l = calloc(1, sizeof *l);
    *out = (curves){0};
    if (l == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    bh_status status = l->fd >= 0 ? read_lines(out, l, path, err)
                                  : bh_fail(err, BH_ERR_IO, "cannot read %s: %s", path,
                                            strerror(errno));
    if (l->fd >= 0) {
        close(l->fd);
    }
    free(l);
    if (status != BH_OK) {
        curves_clear(out);
    }
    return status;
}

void curves_clear(curves *c)
{
    free(c->points);
    *c = (curves){0};
}
