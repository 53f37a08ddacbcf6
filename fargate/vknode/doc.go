// Package vknode joins a provider to a Kubernetes cluster as a node: it runs
// virtual-kubelet's pod and node controllers around the provider, serves the
// kubelet port and the health endpoints, and never speaks to AWS.
//
// virtual-kubelet's core has faults that were measured. They are repaired
// here, where the provider meets the core, and nowhere else:
//
//	the core                                        repaired in
//	drops deletes seen as tombstones, and a pod     informer.go
//	  made again under its name in a watch gap
//	keeps an ended pod for its whole grace period   informer.go
//	changes cached pods when the provider errs      informer.go
//	deletes the object while its task still runs    podclient.go
//	marks pods Failed for an error of the provider  podclient.go
//	overwrites what others wrote with each status   podclient.go, podpatch.go
//	sends an old status again after others' edits   bridge.go
//	forgets the former bearer of a pod's name, and  reaper.go
//	  the next one's status for the former's        bridge.go
//	gives up after twenty tries, at 10 a second     retry.go
//	never makes a deleted node again, never         nodecontrol.go, nodeclient.go
//	  changes taints, blocks who reports a status
//
// The kubelet port answers nobody whom the API server does not know and allow:
// the door (door.go) stands before every route, those that do not exist
// included. It asks for the same rights as a kubelet.
//
// The node stays in the cluster when Run ends: pods, node and lease are left
// as they are, and the next Run continues with them.
package vknode
