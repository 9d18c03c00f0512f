// SPDX-License-Identifier: Apache-2.0
#include "data/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "data/source.h"

#define FILE_MOST ((size_t)1 << 30)

static bh_status read_text(bh_csv *csv, bh_source *s)
{
    bh_status status = bh_source_read_all(s, &csv->text, FILE_MOST);
    if (status != BH_OK) {
        return status;
    }
    if (csv->text.len > 0 && memchr(csv->text.data, 0, csv->text.len) != NULL) {
        return bh_source_damaged(s, "it is not text");
    }
    if (csv->text.len >= 3 && memcmp(csv->text.data, "\xef\xbb\xbf", 3) == 0) {
        csv->pos = 3; // a mark that some programs put in front of UTF-8
    }
    // The last field ends in a zero byte, too.
    bh_writer_u8(&csv->text, '\n');
    return csv->text.status == BH_OK ? BH_OK : bh_source_no_memory(s);
}

bh_status bh_csv_load(bh_csv *out, const char *path, bh_error *err)
{
    bh_source s;
    *out = (bh_csv){.next_line = 1};
    bh_status status = bh_source_open(&s, path, err);
    if (status == BH_OK) {
        status = read_text(out, &s);
    }
    status = bh_source_close(&s, status);
    if (status != BH_OK) {
        bh_csv_clear(out);
    }
    return status;
}

void bh_csv_clear(bh_csv *csv)
{
    bh_writer_clear(&csv->text);
    *csv = (bh_csv){0};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

// Both leave *at behind the field, where a comma or a line break should be, and return
// where its text ends. The whole text ends with a line break, so that every loop does.
static char *take_plain(char **at)
{
    char *begin = *at;
    *at += strcspn(begin, ",\n");
    char *end = *at;
    while (end > begin && is_space(end[-1])) {
        end--;
    }
    return end;
}

static char *take_quoted(char **at, const char *text_end, uint32_t *n_lines)
{
    char *from = *at, *to = *at;
    for (; from < text_end && (*from != '"' || from[1] == '"'); from++) {
        from += *from == '"'; // two for one
        *n_lines += *from == '\n';
        *to++ = *from;
    }
    from += from < text_end;
    while (from < text_end && is_space(*from)) {
        from++;
    }
    *at = from;
    return to;
}

// Takes the field at *at and what ends it; NULL where that is neither.
static const char *take_field(char **at, const char *text_end, uint32_t *n_lines,
                              bool *last)
{
    while (is_space(**at)) {
        (*at)++;
    }
    bool quoted = **at == '"';
    *at += quoted;
    char *begin = *at;
    char *end = quoted ? take_quoted(at, text_end, n_lines) : take_plain(at);
    if (*at == text_end || (**at != ',' && **at != '\n')) {
        return NULL;
    }
    *last = **at == '\n';
    *n_lines += *last;
    (*at)++;
    *end = '\0'; // which may stand where the comma was
    return begin;
}

static bh_status take_record(bh_csv *csv, const char *path, bh_error *err)
{
    char *text = (char *)csv->text.data, *at = text + csv->pos;
    bool last = false;
    csv->line = csv->next_line;
    for (csv->n_fields = 0; !last; csv->n_fields++) {
        if (csv->n_fields == BH_CSV_FIELDS_MAX) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "cannot read %s: line %u has more than %d columns", path,
                           csv->line, BH_CSV_FIELDS_MAX);
        }
        const char *field =
            take_field(&at, text + csv->text.len, &csv->next_line, &last);
        if (field == NULL) {
            return bh_fail(err, BH_ERR_ENCODING,
                           "cannot read %s: the quotes of line %u are damaged", path,
                           csv->line);
        }
        csv->fields[csv->n_fields] = field;
    }
    csv->pos = (size_t)(at - text);
    return BH_OK;
}

bh_status bh_csv_next(bh_csv *csv, bool *found, const char *path, bh_error *err)
{
    for (*found = false; !*found && csv->pos < csv->text.len;) {
        bh_status status = take_record(csv, path, err);
        if (status != BH_OK) {
            return status;
        }
        *found = csv->n_fields > 1 || csv->fields[0][0] != '\0';
    }
    return BH_OK;
}

bool bh_csv_is_missing(const char *field)
{
    return field[0] == '\0' || strcasecmp(field, "NA") == 0 ||
           strcasecmp(field, "nan") == 0;
}

bool bh_csv_number(double *out, const char *field)
{
    char *end;
    // strtod also takes "inf", "nan" and hexadecimal digits.
    if (field[0] == '\0' || field[strspn(field, "0123456789+-.eE")] != '\0') {
        return false;
    }
    *out = strtod(field, &end);
    return *end == '\0' && isfinite(*out);
}
