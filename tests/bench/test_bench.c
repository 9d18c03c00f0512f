// SPDX-License-Identifier: Apache-2.0
// bayhenn-bench from outside: every command runs, and what it prints with --json is
// JSON that has what docs/performance.md reads from it. Figures are not judged.
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "support/test.h"

// Runs the program; its exit status. The lines of its output go to on_line.
static int run(const char *arguments, void (*on_line)(const char *line, void *user),
               void *user)
{
    char command[1024], line[8192];
    snprintf(command, sizeof command, "%s %s", BENCH_PROGRAM, arguments);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output) != NULL) {
        if (on_line != NULL) {
            on_line(line, user);
        }
    }
    int status = pclose(output);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void take_json(const char *line, void *user)
{
    json_t **last = user;
    json_error_t err;
    json_decref(*last);
    *last = json_loads(line, 0, &err);
    if (*last == NULL) {
        fail_msg("%s: %s", err.text, line);
    }
}

// The last line of a command that ends well.
static json_t *last_json(const char *arguments)
{
    json_t *last = NULL;
    printf("%s\n", arguments);
    assert_int_equal(run(arguments, take_json, &last), 0);
    assert_non_null(last);
    return last;
}

// The number at a path such as "ms.total".
static double number(const json_t *object, const char *path)
{
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, ".", &rest); key != NULL;
         key = strtok_r(NULL, ".", &rest)) {
        object = json_object_get(object, key);
    }
    if (!json_is_number(object)) {
        fail_msg("no number %s", path);
    }
    return json_number_value(object);
}

static void assert_positive(const json_t *object, const char *const *paths)
{
    for (; *paths != NULL; paths++) {
        if (!(number(object, *paths) > 0)) {
            fail_msg("%s is not positive", *paths);
        }
    }
}

static void test_operations(void **state)
{
    static const char *const expected[] = {"ns.median", "ns.q1", "ns.q3", "n", NULL};
    static const char *const commands[] = {"kernels --quick --n 2048 --json",
                                           "he --quick --json"};
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        json_t *line = last_json(commands[i]);
        assert_positive(line, expected);
        assert_true(json_is_string(json_object_get(line, "operation")));
        assert_true(json_is_string(json_object_get(line, "kernels")));
        assert_true(json_is_string(json_object_get(line, "cpu")));
        json_decref(line);
    }
}

// Lines of both ways to make transfers.
static void take_transfers(const char *text, void *user)
{
    static const char *const expected[] = {"n",
                                           "ns_per_transfer",
                                           "bytes_per_transfer",
                                           "receiver_ns.median",
                                           "sender_ns.median",
                                           NULL};
    static const char *const of_softspoken[] = {"k", "base_ms", "trees_ms", NULL};
    static const char *const of_ferret[] = {"spent", NULL};
    size_t *lines = user;
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    const bool silent = json_object_get(line, "set") != NULL;
    lines[silent]++;
    assert_positive(line, expected);
    assert_positive(line, silent ? of_ferret : of_softspoken);
    assert_true(json_is_string(json_object_get(line, "kernels")));
    json_decref(line);
}

static void test_transfers(void **state)
{
    size_t lines[2] = {0};
    (void)state;
    assert_int_equal(run("ot --quick --json", take_transfers, lines), 0);
    assert_int_equal(lines[0], 3); // every k
    assert_int_equal(lines[1], 1); // a set
}

static void test_inference(void **state)
{
    static const char *const expected[] = {
        "ms.total", "ms.client",  "ms.server", "samples",        "threads",
        "bytes.up", "bytes.down", "rounds",    "peak_rss_bytes", NULL};
    static const char *const commands[] = {
        "inference --net lenet5 --samples 2 --quick --json",
        "inference --net lenet5 --samples 2 --quick --json --threads 2 --link loopback",
        "inference --net lenet5 --samples 2 --quick --json --link 1gbit,4ms"};
    double total[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        json_t *line = last_json(commands[i]);
        assert_positive(line, expected);
        total[i] = number(line, "ms.total");
        json_t *layers = json_object_get(json_object_get(line, "ms"), "layers");
        assert_int_equal(json_array_size(layers), 5);
        json_decref(line);
    }
    assert_true(total[2] > 5 * 4); // five rounds
}

static void test_servers(void **state)
{
    static const char *const expected[] = {"clients", "idle_rss_bytes",
                                           "peak_rss_bytes", NULL};
    static const char *const per_run[] = {"threads", "queries_per_second.median",
                                          "scaling", NULL};
    (void)state;
    json_t *line =
        last_json("throughput --net lenet5 --samples 1 --threads 1,2 --quick --json");
    json_t *runs = json_object_get(line, "runs");
    assert_int_equal(json_array_size(runs), 2);
    assert_positive(json_array_get(runs, 1), per_run);
    json_decref(line);
    line = last_json("memory --net lenet5 --samples 1 --clients 2 --json");
    assert_positive(line, expected);
    assert_true(number(line, "peak_rss_bytes") > number(line, "idle_rss_bytes"));
    json_decref(line);
}

static void never(const char *line, void *user)
{
    (void)user;
    fail_msg("printed: %s", line);
}

static void test_usage(void **state)
{
    (void)state;
    assert_int_equal(run("--help", NULL, NULL), 0);
    assert_int_equal(run("inference --help", NULL, NULL), 0);
    assert_int_equal(run("2>&1", NULL, NULL), 2);
    setenv("BH_CPU", "nonsense", 1);
    assert_int_equal(run("kernels --quick", never, NULL), 2);
    unsetenv("BH_CPU");
    assert_int_equal(run("nothing 2>&1", NULL, NULL), 2);
    assert_int_equal(run("kernels --n 3000 2>&1", NULL, NULL), 2);
    assert_int_equal(run("inference 2>&1", NULL, NULL), 2);
    assert_int_equal(run("inference --net lenet5 --link fast 2>&1", NULL, NULL), 2);
    assert_int_equal(run("inference --net lenet5 --link bytes 2>&1", NULL, NULL), 2);
    assert_int_equal(
        run("proxy --listen localhost:0 --connect localhost:1 --link bytes "
            "2>&1",
            NULL, NULL),
        2);
    assert_int_equal(
        run("proxy --listen localhost:0 --connect nowhere.invalid:1 --link "
            "1gbit 2>&1",
            NULL, NULL),
        1);
    assert_int_equal(run("inference --net unknown 2>&1", NULL, NULL), 2);
    assert_int_equal(run("throughput --net lenet5 --threads , 2>&1", NULL, NULL), 2);
    assert_int_equal(run("throughput --net lenet5 --threads 1,2, 2>&1", NULL, NULL), 2);
    assert_int_equal(run("throughput --net lenet5 --threads 1,,2 2>&1", NULL, NULL), 2);
    assert_int_equal(run("kernels --variant none 2>&1", NULL, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_inference),  cmocka_unit_test(test_servers),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
