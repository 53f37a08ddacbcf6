package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcdStart is how long a one-member etcd may take to be ready.
const etcdStart = time.Minute

// etcdCommand serves one etcd member without a peer until it is signalled.
func etcdCommand() *cobra.Command {
	config := embed.NewConfig()
	var clientURL, peerURL string
	command := &cobra.Command{
		Use:          "etcd",
		Short:        "one etcd member, embedded",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			client, err := url.Parse(clientURL)
			if err != nil {
				return fmt.Errorf("client URL: %w", err)
			}
			peer, err := url.Parse(peerURL)
			if err != nil {
				return fmt.Errorf("peer URL: %w", err)
			}
			config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
			config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
			config.InitialCluster = config.InitialClusterFromName(config.Name)
			return serveEtcd(command, config)
		},
	}
	command.Flags().StringVar(&config.Dir, "data-dir", "", "where etcd keeps its data")
	command.Flags().StringVar(&clientURL, "listen-client-url", "http://127.0.0.1:2379", "where clients connect")
	command.Flags().StringVar(&peerURL, "listen-peer-url", "http://127.0.0.1:2380", "where peers would connect")
	command.Flags().BoolVar(&config.UnsafeNoFsync, "unsafe-no-fsync", true, "do not wait for the disk: the data is thrown away at the end")
	return command
}

func serveEtcd(command *cobra.Command, config *embed.Config) error {
	config.LogLevel = "error"
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer server.Close()
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(etcdStart):
		return fmt.Errorf("etcd was not ready after %s", etcdStart)
	}
	select {
	case <-command.Context().Done():
		return nil
	case err := <-server.Err():
		return err
	}
}
