package access

// SettingError is what is wrong with one setting of the control endpoints. Loading joins all that
// it finds.
type SettingError struct {
	Setting string // its name below control, as tls.cert_file
	Err     error
}

func (e *SettingError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }
