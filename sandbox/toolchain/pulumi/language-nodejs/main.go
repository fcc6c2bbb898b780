// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Command pulumi-language-nodejs STANDS IN for Pulumi's language host, whose module cannot be fetched at the version of
// the CLI that is built here (docs/decisions/0004). It does the one thing that ops-nats needs: it starts Node with the
// SDK's own runner, which is real, and with the runtime options of Pulumi.yaml. Whatever else is asked of a language
// host (generating code, running plugins in Node, other options) is refused by name.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// saidAlready is the exit code by which the SDK's runner tells that it has shown the error to the user.
const saidAlready = 32

type host struct {
	rpc.UnimplementedLanguageRuntimeServer
	engine string
}

// options are the runtime options of Pulumi.yaml that this host knows.
type options struct{ nodeargs []string }

func readOptions(info *rpc.ProgramInfo) (options, error) {
	var known options
	for key, value := range info.GetOptions().AsMap() {
		switch {
		case key == "nodeargs":
			known.nodeargs = strings.Fields(fmt.Sprint(value))
		case key == "typescript" && value == false, key == "packagemanager":
		default:
			return known, fmt.Errorf("runtime option %s: %v: the sandbox's stand-in for Pulumi's language host does not know it", key, value)
		}
	}
	return known, nil
}

// runner finds the SDK's runner as Node would: in the node_modules of the program's folder or of one above.
func runner(folder string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		file := filepath.Join(at, "node_modules/@pulumi/pulumi/cmd/run/index.js")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("@pulumi/pulumi is not installed in %s or above; next: npm ci", folder)
		}
	}
}

// Run starts the program and waits for its end.
func (h *host) Run(ctx context.Context, req *rpc.RunRequest) (*rpc.RunResponse, error) {
	known, err := readOptions(req.GetInfo())
	if err != nil {
		return nil, err
	}
	run, err := runner(req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	keys := req.GetConfig()
	if keys == nil {
		keys = map[string]string{} // the runner expects an object
	}
	config, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}
	args := append(known.nodeargs, run,
		"--monitor", req.GetMonitorAddress(), "--engine", h.engine, "--organization", req.GetOrganization(),
		"--project", req.GetProject(), "--stack", req.GetStack(), "--pwd", req.GetPwd(),
		"--root-directory", req.GetInfo().GetRootDirectory(), "--parallel", strconv.Itoa(int(req.GetParallel())))
	if req.GetDryRun() {
		args = append(args, "--dry-run")
	}
	node := exec.CommandContext(ctx, "node", append(args, req.GetInfo().GetEntryPoint())...)
	node.Dir = req.GetPwd()
	node.Stdout, node.Stderr = os.Stdout, os.Stderr
	node.Env = append(os.Environ(), "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secrets),
		"PULUMI_NODEJS_TYPESCRIPT=false")
	err = node.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &rpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == saidAlready:
		return &rpc.RunResponse{Bail: true}, nil
	default:
		return &rpc.RunResponse{Error: fmt.Sprintf("node %s: %v", strings.Join(known.nodeargs, " "), err)}, nil
	}
}

// GetRequiredPackages names none: the engine loads each plugin, at the version that the SDK asks for, when it is used.
func (h *host) GetRequiredPackages(context.Context, *rpc.GetRequiredPackagesRequest) (*rpc.GetRequiredPackagesResponse, error) {
	return &rpc.GetRequiredPackagesResponse{}, nil
}

// GetPluginInfo tells the version of the SDK that this host was made with.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: version.Version}, nil
}

// Handshake takes the engine's address from a CLI that hands it over this way.
func (h *host) Handshake(_ context.Context, req *rpc.LanguageHandshakeRequest) (*rpc.LanguageHandshakeResponse, error) {
	h.engine = req.GetEngineAddress()
	return &rpc.LanguageHandshakeResponse{}, nil
}

func serve() error {
	if len(os.Args) < 2 {
		return errors.New("expected the engine's address as the last argument: this program is started by pulumi")
	}
	engine := os.Args[len(os.Args)-1]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := rpcutil.Healthcheck(ctx, engine, 5*time.Minute, cancel); err != nil {
		return err
	}
	stop := make(chan bool)
	go func() {
		<-ctx.Done()
		close(stop)
	}()
	served, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			rpc.RegisterLanguageRuntimeServer(server, &host{engine: engine})
			return nil
		},
		Options: rpcutil.OpenTracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return err
	}
	fmt.Println(served.Port)
	return <-served.Done
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
