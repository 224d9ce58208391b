# What is done inside an edge's container. Called with a verb; CONFIG, RUN, SECRETS and SELF are set above.
# Exit code 3: the proxy does not answer. 4: it refuses; the output says why. 0: the last line is [end], and
# an output without it was cut on its way.
# Two runs may change one edge at the same time: each change is made under a lock.
set -eu
LIST=$RUN/certificates.list
NEWLINE="
"

ask() { printf '%s\n' "$1" | socat -t 10 - "UNIX-CONNECT:$RUN/admin.sock" 2>/dev/null || exit 3; }

refuse() {
  echo "$1"
  exit 4
}

lock() {
  exec 9>"$RUN/lock"
  flock 9
}

put() { # file: standard input takes its place at once, and stays after a power cut
  cat >"$1.new"
  busybox sync "$1.new"
  mv "$1.new" "$1"
}

list_certificates() { # an empty file is one that was removed
  for file in "$SECRETS"/*.pem; do
    name=${file##*/}
    if [ -s "$file" ]; then echo "$file ${name%.pem}"; fi
  done | put "$LIST"
}

start() {
  for map in routes held fenced; do [ -e "$CONFIG/$map.map" ] || : >"$CONFIG/$map.map"; done
  list_certificates
  exec haproxy -W -S "$RUN/master.sock,mode,600" -f "$CONFIG/haproxy.cfg"
}

show() {
  for map in routes held fenced; do
    echo "[$map]"
    ask "show map $CONFIG/$map.map"
  done
  for table in passed_on in_flight seen; do
    echo "[$table]"
    ask "show table $table"
  done
  echo "[info]"
  ask "show info" | sed -n '/^Uptime_sec:/p'
  echo "[until]"
  ask "get var proc.until"
}

rows() { # map: its rows in the running proxy, whole or not at all
  ask "show map $CONFIG/$1.map;show map" | {
    while read -r mark key value; do
      case $mark in
      0x*) echo "$key $value" ;;
      '#') exit 0 ;; # the list of all maps begins: the rows were complete
      ?*) break ;;
      esac
    done
    exit 3
  }
}

set_row() { # map name [value]; what runs is right, and the file is made equal to it
  file=$CONFIG/$1.map
  now=$(rows "$1")
  known=
  others=
  while read -r key value; do
    if [ "$key" = "$2" ]; then
      known=yes
    elif [ -n "$key" ]; then
      others="$others$key $value$NEWLINE"
    fi
  done <<-END
	$now
	END
  printf '%s' "$others${3:+$2 $3$NEWLINE}" | put "$file"
  if [ -z "$3" ]; then
    if [ -n "$known" ]; then ask "del map $file $2" >/dev/null; fi
  elif [ -n "$known" ]; then
    ask "set map $file $2 $3" >/dev/null
  else
    ask "add map $file $2 $3" >/dev/null
  fi
}

permit() { # milliseconds since the epoch of Unix
  said=$(ask "experimental-mode on; set var proc.until int($1)")
  case $said in *[a-z]*) refuse "$said" ;; esac
}

send_certificate() { # file; the key goes through a pipe, never through an argument
  {
    printf 'set ssl cert %s <<\n' "$1"
    cat "$1"
    printf '\n'
  } | socat -t 10 - "UNIX-CONNECT:$RUN/admin.sock" || exit 3
}

set_certificate() { # name
  file=$SECRETS/$1.pem
  # a change that was begun and never ended would refuse all others
  begun=$(ask "show ssl cert" | sed -n 's/^\*//p')
  if [ -n "$begun" ]; then ask "abort ssl cert $begun" >/dev/null; fi
  case $(ask "show ssl cert $file") in
  Filename:*) ;;
  *) ask "new ssl cert $file" >/dev/null ;;
  esac
  said=$(send_certificate "$file")
  case $said in *created* | *updated*) ;; *) refuse "$said" ;; esac
  said=$(ask "commit ssl cert $file")
  case $said in *Success*) ;; *)
    ask "abort ssl cert $file" >/dev/null
    refuse "$said"
    ;;
  esac
  if ! ask "show ssl crt-list $LIST" | grep -qF "$file "; then
    said=$(printf 'add ssl crt-list %s <<\n%s %s\n\n' "$LIST" "$file" "$1" |
      socat -t 10 - "UNIX-CONNECT:$RUN/admin.sock")
    case $said in *Success*) ;; *) refuse "$said" ;; esac
  fi
  list_certificates
}

remove_certificate() { # name
  ask "del ssl crt-list $LIST $SECRETS/$1.pem" >/dev/null
  ask "del ssl cert $SECRETS/$1.pem" >/dev/null
  list_certificates
}

fingerprint() { # name: what a client is shown for it
  ask "show info" >/dev/null
  printf 'GET /.drp/certificate HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" |
    socat -t 10 - "OPENSSL:$SELF,verify=0,snihost=$1" 2>/dev/null | sed -n '/^[0-9a-f]\{64\}$/p' || true
}

worker() { ask "show info" | sed -n 's/^Pid: //p'; }

reload() {
  said=$(haproxy -c -f "$CONFIG/haproxy.cfg" 2>&1) ||
    refuse "the configuration is wrong: $(echo "$said" | grep ALERT | head -n 2)"
  # the old worker would never hear of the release
  if [ -n "$(rows held)" ]; then refuse "requests are held"; fi
  list_certificates
  # what the guard has said goes on in the new worker: first who is fenced, then until when to answer
  fenced=$(rows fenced)
  until=$(ask "get var proc.until" | sed -n 's/.*value=<\([0-9]*\)>.*/\1/p')
  old=$(worker)
  echo reload | socat -t 10 - "UNIX-CONNECT:$RUN/master.sock" >/dev/null || exit 3
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if [ "$(worker || true)" != "$old" ]; then
      while read -r name value; do
        if [ -n "$name" ]; then ask "add map $CONFIG/fenced.map $name $value" >/dev/null; fi
      done <<-END
	$fenced
	END
      permit "$until"
      return
    fi
    sleep 0.5
  done
  refuse "the new worker did not start"
}

case $1 in
start | show) "$1" ;;
fingerprint) fingerprint "$2" ;;
file) if [ -s "$SECRETS/$2.pem" ]; then echo "$SECRETS/$2.pem"; fi ;;
set)
  lock
  set_row "$2" "$3" "${4-}"
  show
  ;;
permit)
  permit "$2"
  show
  ;;
certificate)
  lock
  set_certificate "$2"
  ;;
no-certificate)
  lock
  remove_certificate "$2"
  ;;
reload)
  lock
  reload
  ;;
esac
echo "[end]"
