packages = ["mariadb-server"]

unit "mariadb.service" {
  enabled          = true
  restart_triggers = ["/etc/mysql/mariadb.conf.d/60-hostctl.cnf"]
}

file "/etc/mysql/mariadb.conf.d/60-hostctl.cnf" {
  content = "[mariadbd]\nmax_connections = 41\n"
}
