package system

// Later is what something that runs beside gives when it is done.
type Later[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// Start begins it.
func Start[T any](do func() (T, error)) *Later[T] {
	l := &Later[T]{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.value, l.err = do()
	}()
	return l
}

// Wait returns what it gave, every time that it is asked.
func (l *Later[T]) Wait() (T, error) {
	<-l.done
	return l.value, l.err
}
