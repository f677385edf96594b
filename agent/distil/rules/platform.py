"""What runs under every tool: the CI system, its runner, network, memory, credentials, git, Docker."""

from __future__ import annotations

from agent.distil.rules.rule import BLANK, Role, Rule
from patchpilot.failures import Category

CI_SYSTEMS = (
    # GitHub Actions and Azure Pipelines.
    Rule(r"^\#\#\[error\]", 76, "", Role.CAUSE, before=2),
    Rule(
        r"^\#\#\[error\](?:Process completed with exit code|The process .+ failed with exit code"
        r"|\w+ exited with code|Bash exited)",
        40,
        "",
        Role.END,
    ),
    Rule(r"^\#\#\[group\]Run ", 4, "", Role.SECTION),
    Rule(r"^\#\#\[section\]Starting: ", 4, "", Role.SECTION),
    Rule(r"^Post job cleanup\.|^\#\#\[section\]Finishing: |^Cleaning up orphan processes", 1, "", Role.NOISE),
    Rule(r"^\[command\]", 4, "", Role.SECTION),
    # GitLab.
    Rule(r"^section_start:\d+:", 4, "", Role.SECTION),
    Rule(r"^ERROR: Job failed", 44, "", Role.END),
    Rule(r"^ERROR: Job failed \(system failure\)", 88, "gitlab", category=Category.INFRASTRUCTURE),
    Rule(
        r"^ERROR: Job failed: (?:prepare environment|failed to pull image)",
        88,
        "gitlab",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(r"^ERROR: Job failed: canceled", 88, "gitlab", category=Category.INFRASTRUCTURE),
    # What a failed job did not write can't be kept, which fails no job.
    Rule(r"^ERROR: No files to upload|^WARNING: .{1,200}: no matching files\.", 2, "gitlab", Role.MUTE),
    # Jenkins, after a step and before it says that the step failed.
    Rule(r"^\[Checks API\] |^(?:Recording test results|Archiving artifacts)$", 2, "", Role.MUTE),
    # Travis.
    Rule(r"^travis_(?:fold:start|time:start):", 3, "", Role.SECTION),
    Rule(r"^\$ \S", 12, "", Role.SECTION),
    Rule(r'^(?:The command )?".* (?:failed and )?exited with [1-9]\d{0,2}\.', 46, "", Role.END),
    Rule(r'^[^":]*" (?:failed and )?exited with [1-9]\d{0,2}(?: during)?', 40, "", Role.END),
    Rule(r"^\++ (?:echo|printf)\b", 6, "", Role.MUTE),
    Rule(r"(?i)^##\[error\]executing the custom container implementation failed", 40, "", Role.END),
    Rule(r"^Done\. Your build exited with", 6, "", Role.OUTCOME),
    # CircleCI, Buildkite, CodeBuild, AppVeyor.
    Rule(r"^Exited with code (?:exit status )?[1-9]", 40, "", Role.END),
    Rule(
        r"^(?:🚨 Error: )?The command exited with status [1-9]|^Command exited with code [1-9]"
        r"|Reason: exit status [1-9]",
        42,
        "",
        Role.END,
    ),
    # Taskcluster and Mozilla's harness.
    Rule(r"^TEST-UNEXPECTED-TIMEOUT \|", 93, "mozharness", category=Category.TIMEOUT),
    Rule(r"^TEST-UNEXPECTED-\w+ \|", 86, "mozharness", category=Category.TEST, after=2),
    Rule(r"^\[taskcluster:error\]", 60, "", Role.END),
    # Jenkins.
    Rule(r"^Build step '.+' (?:marked build as failure|changed build result)", 42, "", Role.END),
    Rule(
        r"^ERROR: (?:Step .+ failed: )?No test report files were found",
        88,
        "jenkins",
        category=Category.CONFIG,
    ),
    Rule(r"^ERROR: script returned exit code [1-9]", 42, "", Role.END),
    Rule(r"^Finished: (?:FAILURE|ABORTED|UNSTABLE)", 10, "", Role.OUTCOME),
    Rule(r"^\[Pipeline\] (?:\{ \(|stage|// |sh$)", 3, "", Role.SECTION),
    Rule(r"^\+ \S", 10, "", Role.SECTION),
    Rule(r"^hudson\.\S+Exception: ", 74, "jenkins", after=2),
    # Workflow definitions.
    Rule(
        r"(?i)(?:invalid workflow file|unable to resolve action|unexpected input\(s\)"
        r"|can't find 'action\.ya?ml'|unrecognized named-value"
        r"|required input .* (?:missing|not supplied)|input required and not supplied"
        r"|the workflow is not valid|jobs config should contain"
        r"|this action requires|reusable workflow)",
        88,
        "",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(
        r"^##\[error\](?:Unable to process (?:file )?command '|Invalid format '|Unrecognized function"
        r"|A branch or tag with the name '|Invalid type found)",
        90,
        "",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(r"(?i)^##\[warning\]", 30, "", Role.SIGN),
    # A version that the actions that set up a language do not know; an artifact that is not there.
    Rule(
        r"Could not find satisfied version for SemVer|Unable to find (?:Node|Go|Java|Ruby|Dart"
        r"|Deno) version '"
        r"|^##\[error\](?:The v|V)ersion .{1,80} (?:was )?not found"
        r"|^##\[error\]No files were found with the provided path",
        90,
        "",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(
        r"^# Unable to parse YAML$",
        90,
        "circleci",
        category=Category.CONFIG,
        after=8,
        says=(r"^# expected ", r"^# while "),
    ),
    Rule(
        r"^ERROR: Uploading artifacts as .*(?:too large|Too Large)",
        90,
        "gitlab",
        category=Category.RESOURCE,
        after=1,
    ),
    Rule(r"^groovy\.lang\.Missing(?:Property|Method)Exception: ", 90, "jenkins", category=Category.CONFIG),
    Rule(r"sandbox\.RejectedAccessException: ", 90, "jenkins", category=Category.PERMISSION),
    Rule(r"(?i)no files were found with the provided path", 40, "", Role.OUTCOME),
    Rule(r"(?i)artifact not found for name|unable to download artifact", 82, "", category=Category.CONFIG),
    Rule(
        r"(?i)one or more containers failed to start|failed to initialize container|service is unhealthy"
        r"|failed to createartifact: failed to make request",
        88,
        "",
        category=Category.INFRASTRUCTURE,
        before=2,
    ),
    Rule(
        r"^(?:\# )?Error calling (?:workflow|job|command): "
        r"|Cannot find a definition for (?:command|job|executor)",
        90,
        "",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(
        r"^WorkflowScript: \d+: |^java\.lang\.NoSuchMethodError: No such DSL method",
        92,
        "jenkins",
        category=Category.CONFIG,
        after=3,
    ),
    Rule(
        r"(?i)this request has been automatically failed because it uses a deprecated version",
        92,
        "",
        category=Category.CONFIG,
    ),
)

LIMITS = (
    Rule(
        r"(?:ClosedChannel|ChannelClosed|RequestAbort)Exception",
        88,
        "jenkins",
        category=Category.INFRASTRUCTURE,
        after=1,
    ),
    Rule(r"(?i)no space left on device|disk quota exceeded|\bENOSPC\b", 93, "", category=Category.RESOURCE),
    Rule(
        r"(?i)quota (?:has been |was )?(?:hit|exceeded|reached|exhausted)|is out of memory\b",
        90,
        "",
        category=Category.RESOURCE,
    ),
    Rule(
        r"(?i)cannot allocate memory|out of memory|\boom[- ]?kill|OOMKilled|std::bad_alloc|\bENOMEM\b"
        r"|memory exhausted|^(?:\w+\.)*MemoryError\b",
        90,
        "",
        category=Category.RESOURCE,
    ),
    Rule(
        r"(?:^|\s|:)Killed(?:\s|$)|signal 9\b|signal: 9|SIGKILL|[Ee]xit(?:ed)?(?: with)? (?:code "
        r"|status )?\(?137\b",
        78,
        "",
        category=Category.RESOURCE,
        before=3,
    ),
    Rule(
        r"(?i)too many open files|\bEMFILE\b|resource temporarily unavailable",
        84,
        "",
        category=Category.RESOURCE,
    ),
    Rule(
        r"(?i)(?:the job exceeded the maximum (?:time|log)|exceeded the maximum execution time"
        r"|no output has been received in the last"
        r"|too long with no output|execution took longer than|ran longer than the maximum"
        r"|has timed out after \d+ min|job's time limit"
        r"|cancelling nested steps due to timeout|build timed out|the step timed out|time limit exceeded"
        r"|context deadline exceeded$"
        r"|build was cancelled after|reached a timeout|stuck or timeout)",
        92,
        "",
        category=Category.TIMEOUT,
        before=4,
        after=3,
    ),
    Rule(
        r"(?i)(?:timed out after [\d.]+ ?(?:ms|s|sec|seconds|m|min|minutes|h)\b|timeout: sending signal"
        r"|exit(?:ed)? (?:code|status|with) 124\b|timeoutexpired)",
        76,
        "",
        category=Category.TIMEOUT,
        before=2,
    ),
    Rule(r"(?i)timed out waiting for", 80, "", category=Category.TIMEOUT, before=1),
    Rule(
        r"(?i)\b(?:Array)?MemoryError: |unable to allocate [\d.]+ [KMGT]iB",
        90,
        "",
        category=Category.RESOURCE,
    ),
    Rule(
        r"(?i)\bagent was lost\b|^Agent \S+ was (?:deleted|removed)|unexpected termination of the channel"
        r"|unable to run the job runner|no hosted parallelism has been purchased|^No agent found in pool\b",
        92,
        "",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(r"^Cannot contact \S+: \S", 80, "jenkins", category=Category.INFRASTRUCTURE),
    Rule(r"(?i)\btime(?:d )?[ -]?out\b", 36, "", Role.SIGN),
    Rule(r"(?i)the operation was cancell?ed", 60, "", Role.OUTCOME, Category.INFRASTRUCTURE),
    # The cause only where nothing worse is said.
    Rule(r"^##\[error\]The operation was cancell?ed\.", 50, "", category=Category.INFRASTRUCTURE),
    Rule(
        r"(?i)(?:runner has received a shutdown signal|lost communication with the server|runner was lost"
        r"|agent went offline|node is offline"
        r"|connection .+ was broken|slave went offline|machine failed|the hosted runner"
        r"|no runners? (?:found|online)|job was aborted"
        r"|runner system failure|stopped hearing from agent)",
        90,
        "",
        category=Category.INFRASTRUCTURE,
    ),
)

NETWORK = (
    # An attempt that is made again has not failed; the last one counts, and so does what is said after it.
    Rule(
        r"Retrying \(Retry\(total=[1-9]|spurious network error \(\d{1,2} tr(?:ies|y) remaining"
        r"|(?i:will retry in \d+|retrying in \d+|waiting \d+ seconds before trying again"
        r"|(?:[2-9]|\d\d) (?:retries|attempts|tries) (?:left|remaining))",
        6,
        role=Role.MUTE,
    ),
    # The last attempt failed too: what the package manager says next of the package is its consequence.
    Rule(
        r"Retrying \(Retry\(total=0, .*\b(?:NewConnection|NameResolution|ConnectTimeout|ReadTimeout|Protocol"
        r"|SSL)Error\b|error sending request for url|^Could not reach host \S",
        94,
        "",
        category=Category.INFRASTRUCTURE,
        after=1,
    ),
    # libcurl's errors by number, as cargo prints them.
    Rule(
        r"^\s{2,8}\[\d{1,2}\] [A-Z][^()\n]{5,80} \(", 92, "cargo", category=Category.INFRASTRUCTURE, before=4
    ),
    Rule(
        r"(?i)checksums? did not match|checksum (?:mismatch|verification failed|does not match)"
        r"|(?:sha|md5)\d* (?:checksum )?mismatch",
        84,
        "",
        category=Category.INFRASTRUCTURE,
        before=2,
        after=2,
    ),
    Rule(
        r"(?i)could ?n[o']t resolve host|temporary failure (?:in name resolution|resolving)"
        r"|name or service not known|getaddrinfo(?:\(\))?:? (?:fail|err)|\bgaierror\b"
        r"|nodename nor servname|no such host|\bEAI_AGAIN\b|\bENOTFOUND\b",
        86,
        "",
        category=Category.INFRASTRUCTURE,
        before=1,
        after=1,
    ),
    Rule(
        r"(?i)connection (?:refused|reset|timed out|closed by|aborted)|ECONNRE(?:FUSED|SET)|ETIMEDOUT"
        r"|network is unreachable|no route to host"
        r"|i/o timeout|TLS handshake timeout|read timed out|remote end closed|socket hang up"
        r"|operation timed out",
        72,
        "",
        category=Category.INFRASTRUCTURE,
        before=1,
        after=1,
    ),
    Rule(
        r"(?i)(?:could ?n[o']t|failed to|unable to|cannot) connect to\b",
        70,
        "",
        category=Category.INFRASTRUCTURE,
        after=1,
    ),
    Rule(
        r"(?i)(?:\b50[0234]\b|\b429\b)[ :]{1,3}(?:internal server error|bad gateway"
        r"|service (?:temporarily )?unavailable|gateway time-?out|too many requests)"
        r"|(?:bad gateway|service unavailable|gateway time-?out)",
        76,
        "",
        category=Category.INFRASTRUCTURE,
        before=1,
    ),
    Rule(r"toomanyrequests: ", 94, "docker", category=Category.INFRASTRUCTURE),
    Rule(
        r"^Error response from daemon: Get .{1,200}: (?:denied|unauthorized)\b",
        94,
        "docker",
        category=Category.PERMISSION,
    ),
    Rule(
        r"(?i)toomanyrequests|rate limit (?:exceeded|reached)|api rate limit|secondary rate limit"
        r"|pull rate limit",
        92,
        "",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"(?i)certificate (?:verify failed|has expired|is not trusted|subject)|no certificate subject"
        r"|SSL(?:Error| certificate problem| routines|_ERROR)"
        r"|unable to get local issuer|handshake failure",
        82,
        "",
        category=Category.INFRASTRUCTURE,
        after=2,
    ),
    Rule(
        r"(?i)(?:the requested URL returned error|response status code does not indicate"
        r"|HTTP request failed|returned HTTP|server returned|HTTP error|HTTPError)",
        78,
        "",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"(?i)\bERROR 40[34]\b|404:? {1,2}not found|404 Client Error|response: 404"
        r"|status(?: code)? ?[:=]? ?404",
        72,
        "",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"^curl: \(\d+\)|^wget: |Error in wget|unable to establish SSL|failed: Connection",
        82,
        "",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"^E: (?:Unable to locate package|Package .+ has no installation candidate"
        r"|Version .+ was not found|Unmet dependencies)",
        90,
        "apt",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"^(?:ERROR: )?unable to select packages:|^error: target not found: |^Error: Unable to find a match"
        r"|^(?:No match for argument|No package \S+ available|Unable to find a match)\b"
        r"|: nothing provides \S",
        90,
        "",
        category=Category.DEPENDENCY,
        after=3,
    ),
    # What the packages' own scripts say in a container.
    Rule(r"^invoke-rc\.d: |^debconf: |^W: Some index files failed to download", 3, "apt", Role.MUTE),
    Rule(r"^E: ", 84, "apt", category=Category.INFRASTRUCTURE),
    Rule(r"^Err:\d", 46, "apt", Role.SIGN),
    Rule(
        r"Hash Sum mismatch|Failed to fetch http|does not have a Release file|is not signed|GPG error",
        80,
        "apt",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(r"The following packages have unmet dependencies", 88, "apt", category=Category.DEPENDENCY, after=4),
    Rule(
        r"(?:Error: No available formula|Error: .+ is not installed|brew link)",
        70,
        "brew",
        category=Category.DEPENDENCY,
    ),
    Rule(
        r"(?i)(?:package|formula|dependency) .+ (?:is unavailable|is not available|cannot be found"
        r"|not found|could not be found)",
        78,
        "",
        category=Category.DEPENDENCY,
    ),
)

ACCESS = (
    # Said by sudo of the machine, and no obstacle to the command.
    Rule(r"^sudo: (?:setrlimit\(|unable to resolve host )", 4, role=Role.MUTE),
    Rule(
        r"(?i)could not find credentials entry|protected branch (?:update failed|hook declined)",
        88,
        "",
        category=Category.PERMISSION,
    ),
    Rule(
        r"Permission denied \(publickey|Host key verification failed", 90, "git", category=Category.PERMISSION
    ),
    Rule(
        r"(?i)resource not accessible by (?:integration|personal access token)|must have admin rights"
        r"|refusing to allow .+ to create or update workflow",
        92,
        "",
        category=Category.PERMISSION,
    ),
    Rule(
        r"(?i)could not read (?:username|password)|authentication failed|bad credentials"
        r"|invalid (?:username or password|credentials|token|api key)"
        r"|authentication required|unauthorized: |401 unauthorized|403 forbidden|requires authentication",
        86,
        "",
        category=Category.PERMISSION,
    ),
    Rule(
        r"(?i)\baccess ?denied\b|is not authorized to perform|not authorized|credentials could not be loaded"
        r"|could not load credentials"
        r"|unable to locate credentials|no valid credential|expired ?token|token (?:has )?expired"
        r"|insufficient (?:scope|permission)",
        86,
        "",
        category=Category.PERMISSION,
    ),
    Rule(
        r"^Authentication is required for \S|^Bad username or password for \S",
        90,
        "bundler",
        category=Category.PERMISSION,
        after=1,
    ),
    Rule(
        r"could not read (?:Username|Password) for ",
        94,
        "git",
        category=Category.PERMISSION,
        before=1,
    ),
    # requests' words for it; pip's and uv's.
    Rule(
        r"\b40[13] Client Error: |HTTP error 40[13] while getting |HTTP status client error \(40[13]",
        90,
        "",
        category=Category.PERMISSION,
    ),
    # In capitals it is gRPC's; in small letters it is part of a test's name.
    Rule(r"\bPERMISSION_DENIED\b", 86, "", category=Category.PERMISSION),
    Rule(r"requested URL returned error: 40[13]\b", 92, "git", category=Category.PERMISSION, before=1),
    Rule(
        r"(?i)^(?:\w+: )?denied: |requested access to the resource is denied|\(forbidden\): | is forbidden: "
        r"|\b403\b[ :-]{1,3}forbidden|\b401\b[ :-]{1,3}unauthorized|\(HTTP 40[13]\)"
        r"|you do not have permission",
        88,
        "",
        category=Category.PERMISSION,
        after=1,
    ),
    Rule(
        r"Permission denied|Operation not permitted|\bEACCES\b|\bEPERM\b",
        70,
        "",
        category=Category.PERMISSION,
        before=1,
    ),
    Rule(
        r"remote: (?:Permission to|Repository not found|Write access|Invalid)",
        86,
        "git",
        category=Category.PERMISSION,
        after=1,
    ),
)

GIT = (
    Rule(r"^fatal: ", 82, "git", before=1, after=2),
    Rule(
        r"^(?:Error: |##\[error\])?fatal: No url found for submodule path",
        92,
        "git",
        category=Category.CONFIG,
    ),
    Rule(
        r"^fatal: (?:repository|unable to access|the remote end hung up|early EOF|unable to connect"
        r"|remote error|'[^'\n]+' does not appear to be a git repository)",
        86,
        "git",
        category=Category.INFRASTRUCTURE,
        before=1,
        after=1,
    ),
    # What it says before, or what the server said, tells why.
    Rule(
        r"^fatal: Could not read from remote repository",
        74,
        "git",
        category=Category.INFRASTRUCTURE,
        before=2,
    ),
    Rule(
        r"^fatal: (?:couldn't find remote ref|reference is not a tree|bad object|Remote branch)",
        86,
        "git",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"^CONFLICT \(|^Automatic merge failed|^error: could not apply|Cannot rebase",
        86,
        "git",
        category=Category.CONFIG,
        after=2,
    ),
    Rule(
        r"^error: (?:failed to push|pathspec|Your local changes|RPC failed|server returned"
        r"|The following untracked)",
        84,
        "git",
        category=Category.INFRASTRUCTURE,
        after=3,
    ),
    Rule(r"over its data quota", 92, "git lfs", category=Category.RESOURCE, after=1),
    Rule(r"^error: failed to fetch some objects from ", 80, "git lfs", category=Category.INFRASTRUCTURE),
    Rule(r"│ CVE-\d{4}-\d{4,7} {0,8}│", 88, "trivy", category=Category.DEPENDENCY),
    Rule(r"^Finding: {2,}\S", 90, "gitleaks", category=Category.LINT, after=6, stop=BLANK),
    Rule(r"! \[(?:remote )?rejected\]", 86, "git", category=Category.INFRASTRUCTURE),
    Rule(
        r"^fatal: not a git repository|^fatal: No names found|^fatal: detected dubious ownership"
        r"|^fatal: (?:empty ident name|unable to auto-detect email)",
        74,
        "git",
        category=Category.CONFIG,
    ),
    Rule(
        r"(?i)did you forget to (?:commit|run)|please (?:run|commit)\b.*(?:commit|generate|format)"
        r"|uncommitted changes|is out of date|not up[- ]to[- ]date"
        r"|files? (?:differ|changed|need)",
        66,
        "",
        category=Category.LINT,
        after=2,
    ),
)

DOCKER = (
    Rule(r"^Dockerfile\S*:\d+$", 76, "docker", Role.DETAIL, after=9),
    # A command of the build failed: what it printed is the cause, where its tool is known.
    Rule(r"(?:process|executor failed running) .+exit code: \d+", 76, "docker", Role.OUTCOME, Category.BUILD),
    Rule(
        r"ERROR: failed to (?:solve|build): [^p\n]|failed to solve: (?:[^p\n]|p[^r\n])"
        r"|ERROR: executor failed",
        82,
        "docker",
        category=Category.BUILD,
        after=2,
    ),
    Rule(r"^ > \[.+\]:$|^ ERROR \[|^\#\d+ ERROR: ", 74, "docker", Role.OUTCOME, Category.BUILD, after=4),
    Rule(r"^>>> ", 30, "docker", Role.DETAIL),
    Rule(
        r"The command '.+' returned a non-zero code|Service '.+' failed to build",
        76,
        "docker",
        Role.OUTCOME,
        Category.BUILD,
        before=4,
    ),
    Rule(
        r"OCI runtime (?:create|exec) failed.*(?:executable file not found|no such file or directory"
        r"|permission denied)",
        92,
        "docker",
        category=Category.CONFIG,
    ),
    Rule(r"failed to resolve source metadata for ", 90, "docker", category=Category.INFRASTRUCTURE),
    Rule(
        r"(?i)manifest (?:unknown|for .+ not found)|pull access denied|error pulling image"
        r"|failed to pull image|ImagePullBackOff|no matching manifest"
        r"|docker pull failed",
        90,
        "docker",
        category=Category.INFRASTRUCTURE,
    ),
    Rule(
        r"(?i)error response from daemon|error during connect", 82, "docker", category=Category.INFRASTRUCTURE
    ),
    Rule(r"Cannot connect to the Docker daemon", 92, "docker", category=Category.INFRASTRUCTURE),
    Rule(
        r"dockerfile parse error|failed to read dockerfile|COPY failed|failed to compute cache key"
        r"|failed to calculate checksum of ref",
        92,
        "docker",
        category=Category.CONFIG,
        after=1,
    ),
    Rule(
        r"(?i)container .+ (?:is unhealthy|exited \([1-9]|exited with code [1-9])"
        r"|dependency failed to start|health ?check failed",
        80,
        "docker compose",
        category=Category.INFRASTRUCTURE,
    ),
)

FLAKY = (
    Rule(r"(?i)\bflak(?:y|iness|ed)\b", 60, "", Role.SIGN, Category.FLAKY),
    # Reports of runners that ran again what failed, and saw it pass.
    Rule(
        r"^\s{0,4}[1-9]\d{0,4} flaky$|^(?:\[(?:WARNING|ERROR)\] )?Flakes:|, Flakes: [1-9]"
        r"|^(?:\[ERROR\] )?There are flaky tests",
        96,
        "",
        category=Category.FLAKY,
        after=2,
        says=(r"^\s+\[[^\]\n]+\] › |^\[(?:WARNING|ERROR)\] [\w.$]+\.\w+$",),
    ),
    Rule(
        r"(?i)passed (?:on|after) (?:retry|rerun|re-run|attempt)|flaky test failed too often",
        70,
        "",
        category=Category.FLAKY,
    ),
)

RULES = CI_SYSTEMS + LIMITS + NETWORK + ACCESS + GIT + DOCKER + FLAKY
