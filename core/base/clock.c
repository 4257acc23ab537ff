/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calendar is computed here and not by gmtime_r, which takes the C
 * library's lock of time zones. int64_t nanoseconds reach from 1677 to 2262,
 * so that a year always has four digits. Years count from March: the leap day
 * is then the last day of its year and month lengths repeat every five months.
 */
#include "core/base/clock.h"

#include <time.h>

#define SECONDS_PER_DAY 86400
#define DAYS_PER_YEAR 365
#define DAYS_PER_4_YEARS (4 * DAYS_PER_YEAR + 1)
#define DAYS_PER_CENTURY (25 * DAYS_PER_4_YEARS - 1)
#define DAYS_PER_ERA (4 * DAYS_PER_CENTURY + 1) /* 400 years */
/* 0000-03-01 to 1970-01-01 */
#define DAYS_TO_EPOCH (5 * DAYS_PER_ERA - 30 * DAYS_PER_YEAR - 7 - 31 - 29)
#define THURSDAY 4 /* 1970-01-01 */

struct clock_fields {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
    int weekday; /* Sunday is 0 */
    int nanosecond;
};

static int64_t clock_read(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

static int clock_at_most(int value, int ceiling)
{
    return value < ceiling ? value : ceiling;
}

static void clock_set_date(struct clock_fields *fields, int days_since_epoch)
{
    int days = days_since_epoch + DAYS_TO_EPOCH; /* positive since 1677 */
    int year = days / DAYS_PER_ERA * 400;
    days %= DAYS_PER_ERA;
    /* The last century and the last year of four may be a day longer. */
    int centuries = clock_at_most(days / DAYS_PER_CENTURY, 3);
    days -= centuries * DAYS_PER_CENTURY;
    int fours = days / DAYS_PER_4_YEARS;
    days -= fours * DAYS_PER_4_YEARS;
    int years = clock_at_most(days / DAYS_PER_YEAR, 3);
    days -= years * DAYS_PER_YEAR;
    year += centuries * 100 + fours * 4 + years;
    /* Five months from March have 153 days: 31, 30, 31, 30, 31. */
    int month = (5 * days + 2) / 153;
    fields->day = days - (153 * month + 2) / 5 + 1;
    fields->month = month < 10 ? month + 3 : month - 9;
    fields->year = month < 10 ? year : year + 1;
}

static struct clock_fields clock_split(int64_t wall_ns)
{
    int64_t seconds = wall_ns / NS_PER_S;
    int64_t nanosecond = wall_ns % NS_PER_S;
    if (nanosecond < 0) {
        nanosecond += NS_PER_S;
        seconds--;
    }
    int64_t days = seconds / SECONDS_PER_DAY;
    int rest = (int)(seconds % SECONDS_PER_DAY);
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    struct clock_fields fields = {
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
        .weekday = (int)(((days + THURSDAY) % 7 + 7) % 7),
        .nanosecond = (int)nanosecond,
    };
    clock_set_date(&fields, (int)days);
    return fields;
}

static char *clock_put_number(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + digits;
}

static char *clock_put_text(char *out, const char *text)
{
    while (*text != '\0')
        *out++ = *text++;
    return out;
}

static char *clock_put_time(char *out, const struct clock_fields *fields)
{
    out = clock_put_number(out, fields->hour, 2);
    *out++ = ':';
    out = clock_put_number(out, fields->minute, 2);
    *out++ = ':';
    return clock_put_number(out, fields->second, 2);
}

static char *clock_put_rfc3339(char *out, const struct clock_fields *fields)
{
    out = clock_put_number(out, fields->year, 4);
    *out++ = '-';
    out = clock_put_number(out, fields->month, 2);
    *out++ = '-';
    out = clock_put_number(out, fields->day, 2);
    *out++ = 'T';
    return clock_put_time(out, fields);
}

static char *clock_put_month(char *out, const struct clock_fields *fields)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return clock_put_text(out, names[fields->month - 1]);
}

void clock_format_rfc3339(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    struct clock_fields fields = clock_split(wall_ns);
    char *end = clock_put_rfc3339(out, &fields);
    *clock_put_text(end, "Z") = '\0';
}

void clock_format_rfc3339_nano(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    struct clock_fields fields = clock_split(wall_ns);
    char *end = clock_put_rfc3339(out, &fields);
    *end++ = '.';
    end = clock_put_number(end, fields.nanosecond, 9);
    *clock_put_text(end, "Z") = '\0';
}

void clock_format_common_log(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    struct clock_fields fields = clock_split(wall_ns);
    char *end = clock_put_number(out, fields.day, 2);
    *end++ = '/';
    end = clock_put_month(end, &fields);
    *end++ = '/';
    end = clock_put_number(end, fields.year, 4);
    *end++ = ':';
    end = clock_put_time(end, &fields);
    *clock_put_text(end, " +0000") = '\0';
}

void clock_format_http_date(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
    static const char names[7][6] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
    struct clock_fields fields = clock_split(wall_ns);
    char *end = clock_put_text(out, names[fields.weekday]);
    end = clock_put_number(end, fields.day, 2);
    *end++ = ' ';
    end = clock_put_month(end, &fields);
    *end++ = ' ';
    end = clock_put_number(end, fields.year, 4);
    *end++ = ' ';
    end = clock_put_time(end, &fields);
    *clock_put_text(end, " GMT") = '\0';
}
