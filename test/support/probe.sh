#!/usr/bin/env bash
# A service that says which signals reach it. It ends at the ones named as arguments, and otherwise lives on.
# Not in sh: dash drops a signal that comes while it starts a command.
for name in HUP INT QUIT USR1 USR2 TERM WINCH CONT; do
  case " $* " in
    *" $name "*) trap "echo got $name; exit 42" "$name" ;;
    *) trap "echo got $name" "$name" ;;
  esac
done
echo ready
while :; do sleep 0.02; done
