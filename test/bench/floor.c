/*
 * What no program can do without: the system calls of a case and nothing else, on one thread. The floor that volseed is measured
 * against (test/bench/cases.ts); it checks nothing, keeps nothing, and would lose data.
 *
 *   floor look VOLUME < LIST     lstat what is listed, as a start that goes by a manifest
 *   floor walk SEED VOLUME       list the seed, lstat it and the volume, as a start without one
 *   floor copy SEED VOLUME       make directories, copy files with mode and time
 *
 * LIST has a line for each directory, which ends with a slash, and for each file in it, bare.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[64 * 1024];

static void must(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int into(int parent, const char *name) {
  int at = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  must(at != -1, name);
  return at;
}

static void look(const char *volume) {
  int root = open(volume, O_PATH | O_DIRECTORY), at = root;
  char line[8192];
  struct stat found;
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t length = strlen(line);
    if (length > 0 && line[length - 1] == '\n') line[--length] = 0;
    if (length > 0 && line[length - 1] == '/') {
      if (at != root) close(at);
      at = into(root, line);
    } else must(fstatat(at, line, &found, AT_SYMLINK_NOFOLLOW) == 0, line);
  }
}

static void copy_file(int from, int to, const char *name, const struct stat *seed) {
  int source = openat(from, name, O_RDONLY | O_NOFOLLOW);
  must(source != -1, name);
  int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL, seed->st_mode & 07777);
  must(target != -1, name);
  if (seed->st_size <= (off_t)sizeof buffer) {
    ssize_t count = read(source, buffer, sizeof buffer);
    must(count == seed->st_size && write(target, buffer, count) == count, name);
  } else {
    for (off_t left = seed->st_size; left > 0;) {
      ssize_t count = copy_file_range(source, NULL, target, NULL, left, 0);
      if (count <= 0) count = sendfile(target, source, NULL, left);
      must(count > 0, name);
      left -= count;
    }
  }
  struct timespec times[2] = {seed->st_atim, seed->st_mtim};
  must(futimens(target, times) == 0, name);
  close(source);
  close(target);
}

static void walk(int from, int to, int copying) {
  int listed = openat(from, ".", O_RDONLY | O_DIRECTORY);
  DIR *directory = fdopendir(listed);
  must(directory != NULL, "opendir");
  struct dirent *each;
  while ((each = readdir(directory)) != NULL) {
    const char *name = each->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    struct stat seed, found;
    must(fstatat(from, name, &seed, AT_SYMLINK_NOFOLLOW) == 0, name);
    if (!copying) must(fstatat(to, name, &found, AT_SYMLINK_NOFOLLOW) == 0, name);
    if (S_ISDIR(seed.st_mode)) {
      if (copying) must(mkdirat(to, name, 0700) == 0, name);
      int below = into(from, name), made = into(to, name);
      walk(below, made, copying);
      close(below);
      close(made);
      struct timespec times[2] = {seed.st_atim, seed.st_mtim};
      if (copying) must(fchmodat(to, name, seed.st_mode & 07777, 0) == 0 && utimensat(to, name, times, 0) == 0, name);
    } else if (copying && S_ISREG(seed.st_mode)) copy_file(from, to, name, &seed);
  }
  closedir(directory);
}

int main(int count, char **args) {
  if (count == 3 && strcmp(args[1], "look") == 0) look(args[2]);
  else if (count == 4) walk(into(AT_FDCWD, args[2]), into(AT_FDCWD, args[3]), strcmp(args[1], "copy") == 0);
  else return 2;
  return 0;
}
