/*
 * The volume's owner, gone bad: as fast as it can, it exchanges what stands at names of the volume for links, FIFOs, sockets,
 * devices, hard links to foreign files, and directories of its own, and brings it back; it plants the same where nothing stands.
 *
 *   flipper VOLUME LAIR OUTSIDE SEED <TARGETS
 *
 * TARGETS: paths below the volume, a line each. LAIR: a directory of its own on the same file system, with `zero` (a device),
 * `hard` (a file of somebody else's) and `socket` in it. At SIGTERM it says how many exchanges and plantings it has done.
 */
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wformat-truncation"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LINK_DIR, LINK_DEEP, LINK_FILE, LINK_UP, LINK_LOOP, FIFO, SOCKET, HARD, DEVICE, REGULAR, OWN, KINDS };

/* Only for `.volseed`, and made by root beforehand: they are exchanged and never made. */
static const char *const PREPARED[] = { ".alt-ours", ".alt-hot", ".alt-state" };
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MOST 4096

static char *targets[MOST];
static size_t count;
static char lair[PATH_MAX], outside[PATH_MAX];
static unsigned long swaps, plants;
static volatile sig_atomic_t over;
static uint64_t state;

static void end(int signal) { (void)signal; over = 1; }

/* xorshift64*: the same seed, the same choices. */
static uint32_t dice(uint32_t sides) {
  state ^= state >> 12; state ^= state << 25; state ^= state >> 27;
  return (uint32_t)((state * 0x2545F4914F6CDD1DULL) >> 33) % sides;
}

static void dwell(long microseconds) {
  struct timespec from, now;
  if (microseconds == 0) return;
  if (microseconds >= 1000) { usleep((useconds_t)microseconds); return; }
  clock_gettime(CLOCK_MONOTONIC, &from);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - from.tv_sec) * 1000000L + (now.tv_nsec - from.tv_nsec) / 1000 < microseconds);
}

static int exchange(const char *one, const char *other) {
  if (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) != 0) return 0;
  swaps++;
  return 1;
}

static const char *in(const char *directory, const char *name) {
  static char path[2][PATH_MAX * 2];
  static int turn;
  turn = !turn;
  snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
  return path[turn];
}

/* A directory with a link out at every name that somebody who walks into it may ask for. */
static int own_directory(const char *at) {
  static const char *const names[] = { "f0", "f1", "f2", "f3", "sub", "lock", "state.db", "base", "holder.json", "stage", "backups" };
  char path[PATH_MAX * 2];
  if (mkdir(at, 0777) != 0) return -1;
  for (size_t i = 0; i < COUNT(names); i++) {
    snprintf(path, sizeof path, "%s/%s", at, names[i]);
    int bad = dice(4) == 0 ? mkfifo(path, 0666) : symlink(in(outside, i < 8 ? "secret" : "dir"), path);
    if (bad) return -1;
  }
  return 0;
}

static int plant(const char *at, int kind) {
  int descriptor;
  switch (kind) {
    case LINK_DIR: return symlink(outside, at);
    case LINK_DEEP: return symlink(in(outside, "dir"), at);
    case LINK_FILE: return symlink(in(outside, "secret"), at);
    case LINK_UP: return symlink("..", at);
    case LINK_LOOP: return symlink(".alt-4", at);
    case FIFO: return mkfifo(at, 0666);
    case SOCKET: return link(in(lair, "socket"), at);
    case HARD: return link(in(lair, "hard"), at);
    case DEVICE: return link(in(lair, "zero"), at);
    case REGULAR:
      if ((descriptor = open(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644)) < 0) return -1;
      if (write(descriptor, "the owner's", 11) != 11) over = 1;
      return close(descriptor);
    default: return own_directory(at);
  }
}

/* What came to an alternative's name by an exchange that was not taken back is put away: as far as it may be removed, it is. */
static void clear(const char *at) {
  struct stat found;
  char kept[PATH_MAX];
  if (lstat(at, &found) != 0) return;
  if (!S_ISDIR(found.st_mode)) { unlink(at); return; }
  if (rmdir(at) == 0) return;
  snprintf(kept, sizeof kept, "%s/put-away-%u", lair, dice(1000000));
  if (rename(at, kept) != 0) { snprintf(kept, sizeof kept, ".put-away-%u", dice(1000000)); rename(at, kept); }
}

static int is_still(const char *at, int kind) {
  struct stat found;
  if (lstat(at, &found) != 0) return 0;
  switch (kind) {
    case FIFO: return S_ISFIFO(found.st_mode);
    case SOCKET: return S_ISSOCK(found.st_mode);
    case DEVICE: return S_ISCHR(found.st_mode);
    case HARD: return S_ISREG(found.st_mode) && found.st_nlink > 1;
    case REGULAR: return S_ISREG(found.st_mode);
    case OWN: return S_ISDIR(found.st_mode) && found.st_uid == geteuid();
    default: return S_ISLNK(found.st_mode);
  }
}

static void flip(const char *target, long inside, long away) {
  char alternative[32];
  const char *with = alternative;
  int kind = (int)dice(KINDS);
  if (strcmp(target, ".volseed") == 0 && dice(2) == 0) with = PREPARED[dice(COUNT(PREPARED))];
  else {
    snprintf(alternative, sizeof alternative, ".alt-%d", kind);
    if (!is_still(with, kind)) { clear(with); plant(with, kind); }
  }
  if (exchange(target, with)) {
    dwell(inside);
    /* A directory of the volume may also be carried out of it, with whoever is inside. */
    exchange(target, with);
  } else if (errno == ENOENT && with == alternative) {
    if (plant(target, kind) == 0) plants++;
    dwell(inside);
    if (dice(2) == 0) unlink(target);
  }
  dwell(away);
}

/* Out of the volume, a link to the outside in its place, and back again. */
static void carry_out(const char *target, long inside) {
  const char *there = in(lair, "carried");
  char away[PATH_MAX];
  snprintf(away, sizeof away, "%s", there);
  if (rename(target, away) != 0) return;
  if (symlink(outside, target) == 0) { plants++; dwell(inside); unlink(target); }
  if (rename(away, target) != 0) clear(away);
  else swaps++;
}

/* Names that only volseed gives: each is taken from it, and something else put there. */
static void hunt(const char *directory) {
  char path[PATH_MAX * 2];
  struct dirent *entry;
  DIR *open = opendir(directory);
  if (open == NULL) return;
  while ((entry = readdir(open)) != NULL) {
    if (strstr(entry->d_name, ".volseed-") == NULL) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (dice(3) == 0 || unlink(path) != 0) flip(path, dice(300), 0);
    else if (plant(path, (int)dice(KINDS)) == 0) plants++;
  }
  closedir(open);
}

/*
 * What is below a directory of root's that bears our own directories: reached by descriptors that were opened while we might,
 * for once it is the state it is closed to us. Each name in there is exchanged for a link out.
 */
static void work_inside(void) {
  static const char *const ours[] = { ".alt-ours/stage", ".alt-ours/holder.json", ".alt-ours/backups" };
  static int held[COUNT(ours)];
  struct dirent *entry;
  for (size_t i = 0; i < COUNT(ours); i++) {
    int again = open(ours[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (again >= 0) {
      if (held[i] > 0) close(held[i]);
      held[i] = again;
      if (symlinkat(in(outside, "dir"), again, "out") == 0) plants++;
    }
    if (held[i] <= 0) continue;
    int copy = openat(held[i], ".", O_RDONLY | O_DIRECTORY);
    DIR *all = copy < 0 ? NULL : fdopendir(copy);
    if (all == NULL) continue;
    while ((entry = readdir(all)) != NULL) {
      if (entry->d_name[0] == '.' || strcmp(entry->d_name, "out") == 0) continue;
      for (int times = 0; times < 20; times++)
        if (syscall(SYS_renameat2, held[i], entry->d_name, held[i], "out", 2) == 0) swaps++;
    }
    closedir(all);
  }
}

int main(int argc, char **argv) {
  static const long pauses[] = { 0, 0, 5, 50, 500, 3000 };
  char line[PATH_MAX];
  int with_state = 0;
  if (argc != 5) return 2;
  snprintf(lair, sizeof lair, "%s", argv[2]);
  snprintf(outside, sizeof outside, "%s", argv[3]);
  state = strtoull(argv[4], NULL, 10) | 1;
  while (count < MOST && fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, ".volseed") == 0) with_state = 1;
    targets[count++] = strdup(line);
  }
  signal(SIGTERM, end);
  umask(0);
  if (count == 0 || chdir(argv[1]) != 0) { perror(argv[1]); return 1; }
  puts("ready");
  fflush(stdout);
  while (!over) {
    /* One name for a while, or all of them; now and then with time for volseed to get somewhere. */
    const char *only = dice(2) == 0 ? targets[dice((uint32_t)count)] : NULL;
    if (with_state && dice(4) == 0) only = ".volseed";
    long inside = pauses[dice(COUNT(pauses))], away = pauses[dice(COUNT(pauses))];
    for (int left = 400 / (1 + (int)(inside + away) / 100) + 1; left > 0 && !over; left--) {
      const char *target = only != NULL ? only : targets[dice((uint32_t)count)];
      uint32_t what = dice(16);
      if (what == 0) hunt(dice(4) == 0 ? "." : target);
      else if (what == 3) work_inside();
      else if (what == 1) carry_out(target, inside);
      else if (what == 2 && strcmp(target, ".volseed") != 0) unlink(target);
      else flip(target, inside, strcmp(target, ".volseed") == 0 ? away + 1000 : away);
    }
  }
  printf("%lu %lu\n", swaps, plants);
  return 0;
}
