// SPDX-License-Identifier: Apache-2.0
#include "result.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "net/clock.h"

#define BARS_MAX 16 // of more classes only the likeliest are shown

bh_status result_query(shown_result *out, bh_tls_client *connection, const char *file,
                       const uint8_t *pixels, bh_error *err)
{
    uint64_t start = bh_clock_us();
    *out = (shown_result){.file = file};
    out->ahead = bh_client_prepared(bh_tls_client_engine(connection)) > 0;
    bh_status status = bh_tls_client_query(connection, &out->r, pixels, err);
    out->client = bh_tls_client_engine(connection); // the query may have renewed it
    out->total_ms = (double)(bh_clock_us() - start) / 1e3;
    return status;
}

// JSON texts are UTF-8; a file name need not be. One that is not shows its bytes above
// ASCII as \xNN and a backslash as two, so that different names stay different.
static json_t *text_of(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json == NULL ? calloc(4, strlen(text) + 1) : NULL, *to = copy;
    for (const char *c = text; copy != NULL && *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        to += sprintf(to,
                      byte >= 0x80   ? "\\x%02x"
                      : byte == '\\' ? "\\%c"
                                     : "%c",
                      byte);
    }
    if (copy != NULL) {
        json = json_string(copy);
        free(copy);
    }
    return json;
}

bool result_is_label_alone(const bh_client_facts *facts)
{
    return facts->guard == BH_GUARD_SEALED && facts->reveal == BH_REVEAL_LABEL;
}

// What `more` has at the end of `line`; takes it.
static void add(json_t *line, json_t *more)
{
    json_object_update(line, more);
    json_decref(more);
}

static json_t *probabilities_json(const bh_client_result *r, uint32_t n_classes)
{
    json_t *probabilities = json_array();
    for (uint32_t i = 0; i < n_classes; i++) {
        json_array_append_new(probabilities, json_real(r->probabilities[i]));
    }
    return json_pack("{s:o, s:f, s:f}", "probabilities", probabilities, "entropy",
                     r->prediction.entropy, "mutual_information",
                     r->prediction.mutual_information);
}

void result_print_json(const shown_result *result)
{
    const bh_client_result *r = &result->r;
    bh_client_facts facts = bh_client_get_facts(result->client);
    json_t *line = json_pack("{s:o, s:I}", "file", text_of(result->file), "label",
                             (json_int_t)r->prediction.label);
    if (!result_is_label_alone(&facts)) {
        add(line, probabilities_json(r, facts.n_classes));
    }
    add(line, json_pack("{s:I, s:s}", "samples", (json_int_t)facts.samples, "guard",
                        bh_guard_name(facts.guard)));
    if (facts.guard == BH_GUARD_SEALED) {
        json_object_set_new(line, "reveal", json_string(cli_reveal_name(facts.reveal)));
    }
    add(line, json_pack("{s:I, s:{s:f, s:f, s:f}, s:{s:I, s:I}}", "rounds",
                        (json_int_t)r->rounds, "ms", "total", result->total_ms,
                        "client", r->client_ms, "server", r->server_ms, "bytes", "up",
                        (json_int_t)r->bytes_up, "down", (json_int_t)r->bytes_down));
    if (facts.guard == BH_GUARD_SEALED) {
        add(line, json_pack("{s:{s:b, s:f, s:{s:I, s:I}}}", "prepare", "ahead",
                            result->ahead, "ms", r->prepare_ms, "bytes", "up",
                            (json_int_t)r->prepare_bytes_up, "down",
                            (json_int_t)r->prepare_bytes_down));
    }
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static const char *class_name(const shown_result *result, uint32_t index, char *text,
                              size_t size)
{
    const char *name = bh_client_class_name(result->client, index);
    snprintf(text, size, name[0] != '\0' ? "%s" : "%.0s%u", name, index);
    return text;
}

// How sure, in a word, by the share of the largest possible entropy.
static const char *verdict_word(double entropy, uint32_t n_classes, ui_style *style)
{
    double share = n_classes > 1 ? entropy / log(n_classes) : 0;
    *style = share < 0.15 ? UI_GOOD : share < 0.4 ? UI_DOUBT : UI_BAD;
    return share < 0.15 ? "certain" : share < 0.4 ? "fairly sure" : "not sure at all";
}

static int name_width(const shown_result *result, uint32_t n_classes)
{
    char text[40];
    size_t width = 1;
    for (uint32_t i = 0; i < n_classes; i++) {
        size_t len = strlen(class_name(result, i, text, sizeof text));
        width = len > width ? len : width;
    }
    return (int)width;
}

// Whether the class is among the BARS_MAX likeliest.
static bool is_shown(const bh_client_result *r, uint32_t n_classes, uint32_t index)
{
    uint32_t likelier = 0;
    for (uint32_t i = 0; n_classes > BARS_MAX && i < n_classes; i++) {
        likelier += r->probabilities[i] > r->probabilities[index] ||
                    (i < index && r->probabilities[i] == r->probabilities[index]);
    }
    return likelier < BARS_MAX;
}

static void print_left(const picture *left, int line)
{
    if (left != NULL && line < left->lines) {
        printf("  %s", left->text[line]);
    } else if (left != NULL) {
        printf("  %*s", left->columns, "");
    }
}

static void print_class(const shown_result *result, const ui *u, uint32_t index,
                        int width, int cells, ui_style winner)
{
    char name[40], bar[UI_BAR_BYTES];
    double p = result->r.probabilities[index];
    ui_style style = index == result->r.prediction.label ? winner : UI_DIM;
    ui_bar(u, bar, p, cells);
    printf("  %s%-*s %s %5.1f %%%s", ui_on(u, style), width,
           class_name(result, index, name, sizeof name), bar, 100 * p,
           ui_on(u, UI_PLAIN));
    putchar('\n');
}

static void print_bars(const shown_result *result, const ui *u, const picture *left,
                       ui_style winner)
{
    bh_client_facts facts = bh_client_get_facts(result->client);
    int width = name_width(result, facts.n_classes), line = 0;
    int room = u->width - width - 14;
    if (left != NULL && room - left->columns - 2 < 8) {
        left = NULL; // no room for a picture
    }
    room -= left != NULL ? left->columns + 2 : 0;
    int cells = room > 40 ? 40 : room < 2 ? 2 : room;
    for (uint32_t i = 0; i < facts.n_classes; i++) {
        if (is_shown(&result->r, facts.n_classes, i)) {
            print_left(left, line++);
            print_class(result, u, i, width, cells, winner);
        }
    }
    for (; left != NULL && line < left->lines; line++) {
        print_left(left, line);
        putchar('\n');
    }
}

static void print_cost(const shown_result *result, const ui *u)
{
    char client[UI_TEXT_BYTES], server[UI_TEXT_BYTES], total[UI_TEXT_BYTES];
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES], text[8 * UI_TEXT_BYTES];
    const bh_client_result *r = &result->r;
    snprintf(text, sizeof text,
             "%sclient %s, server %s, total %s; %s up, %s down; %u round%s%s",
             ui_on(u, UI_DIM), ui_time(client, r->client_ms),
             ui_time(server, r->server_ms), ui_time(total, result->total_ms),
             ui_bytes(up, r->bytes_up), ui_bytes(down, r->bytes_down), r->rounds,
             r->rounds == 1 ? "" : "s", ui_on(u, UI_PLAIN));
    ui_wrap(u, "  ", 2, text);
    if (r->prepare_bytes_up > 0) {
        snprintf(text, sizeof text, "%sprepared%s in %s (%s up, %s down)%s%s",
                 ui_on(u, UI_DIM), result->ahead ? " ahead" : "",
                 ui_time(total, r->prepare_ms), ui_bytes(up, r->prepare_bytes_up),
                 ui_bytes(down, r->prepare_bytes_down),
                 result->ahead ? "" : ", within the total", ui_on(u, UI_PLAIN));
        ui_wrap(u, "  ", 2, text);
    }
}

static void print_verdict(const shown_result *result, const ui *u, const picture *left,
                          const char *remark)
{
    char name[40], text[256];
    ui_style style;
    const bh_prediction *p = &result->r.prediction;
    uint32_t n_classes = bh_client_get_facts(result->client).n_classes;
    const char *word = verdict_word(p->entropy, n_classes, &style);
    print_bars(result, u, left, style);
    snprintf(text, sizeof text,
             "%s%s, %s%s%s; entropy %.3f of %.3f, mutual information %.3f",
             ui_on(u, style), class_name(result, p->label, name, sizeof name), word,
             ui_on(u, UI_PLAIN), remark, p->entropy, log(n_classes),
             p->mutual_information);
    ui_wrap(u, "  ", 2, text);
}

static void print_label(const shown_result *result, const ui *u, const picture *left,
                        const char *remark)
{
    char name[40], text[256];
    for (int line = 0; left != NULL && line < left->lines; line++) {
        print_left(left, line);
        putchar('\n');
    }
    snprintf(text, sizeof text, "%s%s%s%s; the server reveals the label alone",
             ui_on(u, UI_BOLD),
             class_name(result, result->r.prediction.label, name, sizeof name),
             ui_on(u, UI_PLAIN), remark);
    ui_wrap(u, "  ", 2, text);
}

void result_print(const shown_result *result, const ui *u, const picture *left,
                  const char *remark)
{
    char shown[CLI_SHOWN_BYTES];
    bh_client_facts facts = bh_client_get_facts(result->client);
    printf("%s%s%s\n", ui_on(u, UI_BOLD), cli_shown(shown, sizeof shown, result->file),
           ui_on(u, UI_PLAIN));
    (result_is_label_alone(&facts) ? print_label : print_verdict)(result, u, left,
                                                                  remark);
    print_cost(result, u);
    putchar('\n');
    fflush(stdout);
}

void result_print_guard(const bh_client_facts *facts, const ui *u)
{
    char text[512];
    snprintf(text, sizeof text, "%sguard %s%s: %s", ui_on(u, UI_BOLD),
             bh_guard_name(facts->guard), ui_on(u, UI_PLAIN),
             cli_guard_note(facts->guard, facts->reveal));
    ui_wrap(u, "", 0, text);
    snprintf(text, sizeof text,
             "%s%s on %s, %u draw%s of its weights for every image, %s (%u bits of "
             "security)%s\n",
             ui_on(u, UI_DIM), facts->model_name, facts->dataset, facts->samples,
             facts->samples == 1 ? "" : "s", facts->params_name, facts->security_bits,
             ui_on(u, UI_PLAIN));
    ui_wrap(u, "", 0, text);
}
