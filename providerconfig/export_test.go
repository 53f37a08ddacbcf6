package providerconfig

// KeyNames are the full names of all keys that hold a value.
func KeyNames() []string {
	var names []string
	for _, k := range keys {
		if k.set != nil {
			names = append(names, k.name)
		}
	}
	return names
}
