// SPDX-License-Identifier: Apache-2.0
#include "train/train_values.h"

#include <stdlib.h>
#include <string.h>

#include "train/train_options.h"

static bool complain(const char *word)
{
    cli_usage(train_name,
              "--augment is shift=PIXELS, rotate=DEGREES, scale=SHARE, flip=h, flip=v, "
              "flip=hv, turn and edge with commas between them, or none: not \"%s\"",
              word);
    return false;
}

static bool take_flip(bh_augment *a, const char *value)
{
    a->flip_horizontal = strchr(value, 'h') != NULL;
    a->flip_vertical = strchr(value, 'v') != NULL;
    return value[0] != '\0' && value[strspn(value, "hv")] == '\0';
}

static bool take_size_of_change(bh_augment *a, const char *word, const char *value)
{
    uint64_t pixels = 0;
    bool ok = false;
    if (strncmp(word, "shift=", 6) == 0) {
        ok = cli_number(train_name, "--augment shift", value, 1, BH_GRAPH_DIM_MAX,
                        &pixels);
        a->shift = (uint32_t)pixels;
    } else if (strncmp(word, "rotate=", 7) == 0) {
        ok = cli_real(train_name, "--augment rotate", value, 0, 180, &a->rotate);
    } else if (strncmp(word, "scale=", 6) == 0) {
        ok = cli_real(train_name, "--augment scale", value, 0, 0.9, &a->scale);
    } else {
        ok = (strncmp(word, "flip=", 5) == 0 && take_flip(a, value)) || complain(word);
    }
    return ok;
}

static bool take_change(bh_augment *a, const char *word)
{
    const char *equals = strchr(word, '=');
    if (equals != NULL) {
        return take_size_of_change(a, word, equals + 1);
    }
    bool turn = strcmp(word, "turn") == 0, edge = strcmp(word, "edge") == 0;
    a->turn = a->turn || turn;
    a->repeat_edge = a->repeat_edge || edge;
    return turn || edge || complain(word);
}

static bool take_changes(bh_augment *a, char *words)
{
    for (char *next = NULL, *word = words; word != NULL; word = next) {
        next = strchr(word, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (!take_change(a, word)) {
            return false;
        }
    }
    if (a->repeat_edge && a->shift == 0 && a->rotate == 0 && a->scale == 0) {
        cli_usage(train_name, "--augment edge is for shift, rotate and scale: nothing "
                              "else moves anything in");
        return false;
    }
    return true;
}

bool train_take_augment(bh_augment *out, const char *text)
{
    *out = (bh_augment){0};
    if (strcmp(text, "none") == 0) {
        return true;
    }
    char *words = strdup(text);
    bool ok = words != NULL && take_changes(out, words);
    if (words == NULL) {
        cli_fail(train_name, "out of memory");
    }
    free(words);
    return ok;
}

// n numbers with commas between them.
static bool read_numbers(const char *text, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *end;
        out[i] = strtod(text, &end);
        if (end == text || *end != (i + 1 < n ? ',' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    return true;
}

static bool is_dev(double dev)
{
    return dev > 0 && dev <= 1000;
}

bool train_take_prior(bh_prior *out, const char *text)
{
    double v[3] = {0};
    if (strncmp(text, "gauss:", 6) == 0 && read_numbers(text + 6, v, 1) &&
        is_dev(v[0])) {
        *out = (bh_prior){.dev = v[0]};
        return true;
    }
    if (strncmp(text, "mixture:", 8) == 0 && read_numbers(text + 8, v, 3) && v[0] > 0 &&
        v[0] < 1 && is_dev(v[1]) && is_dev(v[2])) {
        *out = (bh_prior){.mixture = true, .share = v[0], .dev = v[1], .dev2 = v[2]};
        return true;
    }
    cli_usage(
        train_name,
        "--prior is gauss:DEV or mixture:SHARE,DEV,DEV, SHARE between 0 and 1, DEV "
        "above 0 and at most 1000, not \"%s\"",
        text);
    return false;
}

bool train_take_size(bh_shape *out, const char *text)
{
    if (!cli_shape(train_name, "--size", text, out)) {
        return false;
    }
    bool ok = (out->channels == 1 || out->channels == 3) &&
              out->height <= BH_GRAPH_DIM_MAX && out->width <= BH_GRAPH_DIM_MAX;
    if (!ok) {
        cli_usage(train_name,
                  "--size is 1 or 3 channels of at most %d x %d pixels, not \"%s\"",
                  BH_GRAPH_DIM_MAX, BH_GRAPH_DIM_MAX, text);
    }
    return ok;
}
