# Nothing in here means anything to hostctl.
case $- in
*i*) echo "Welcome to ${HOSTNAME:-this host}, ${USER}." ;;
esac
