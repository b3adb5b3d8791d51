#!/usr/bin/env bash
# On the GPU machine, after install.sh: the steps that are named, each with a limit, logs to LOGS:
#   benchmarks/gpu/session.sh LOGS steps|families|playback|tests|clothing|cifar10|resnet|check|check_resnet|serve|minute...
# A step that fails does not end the others; the last line says which did.
set -uo pipefail
logs=$1 data=/tmp/graft-gpu/data work=/tmp/graft-gpu/runs
shift
mkdir -p "$logs" "$work"
export PYTHONUNBUFFERED=1
# Of the machine's own pytest plugins, one warns where several processes test, and warnings are errors.
pytest=(python3 -m pytest -q -p no:cacheprovider -p no:benchmark)
failed=()

step() {
  local name=$1 limit_s=$2
  shift 2
  echo "== $name: $*"
  local began=$EPOCHREALTIME
  timeout "$limit_s" "$@" >"$logs/$name.log" 2>&1 || failed+=("$name")
  tail -n 25 "$logs/$name.log"
  echo "== $name: $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms"
}

# A folder to a package from a cold start: no cache, no repository.
package() {
  local name=$1 from=$2
  shift 2
  step "$name" 240 python3 -m training.finetune "$from" --name "$name" --models-dir "$work/models" \
    --cache-dir "$work/cache-$name" --tracker none --leakage drop "$@"
  # The report says where the seconds went; what is not among the logs stays on the machine.
  cp "$work/models/$name/1/report.html" "$logs/$name.html" || true
}

resnet_weights() {
  # No hub is at hand: random weights take the time of pretrained ones, and their accuracy means nothing.
  python3 - <<'PYTHON'
import timm, torch
torch.manual_seed(0)
torch.save(timm.create_model("resnet50").state_dict(), "/tmp/graft-gpu/resnet50.pth")
PYTHON
}

for name in "$@"; do
  case $name in
    families) step families 280 python3 -m benchmarks.gpu.training "$data/clothing/train" ;;
    steps) step steps 90 python3 -m benchmarks.gpu.steps ;;
    playback) step playback 80 "${pytest[@]}" -n 4 tests/training/finetuning/test_cuda_graph.py ;;
    tests) step tests 200 "${pytest[@]}" -n 12 -m "not shared" tests/training/finetuning tests/training/runtime/test_device.py \
      tests/inference/test_bound_runs.py tests/inference/test_session.py tests/inference/test_providers.py ;;
    clothing) package clothing "$data/clothing" --precisions fp32,fp16 ;;
    cifar10) package cifar10 "$data/cifar10" ;;
    minute) package cifar10-minute "$data/cifar10" --time-budget 1m ;;
    resnet)
      resnet_weights
      for set in clothing cifar10; do
        package "resnet50-$set" "$data/$set" --backbone resnet50 --weights /tmp/graft-gpu/resnet50.pth
      done
      ;;
    check) step check 150 python3 -m benchmarks.gpu.bench "$work/models/clothing/1" "$data/photos" ;;
    check_resnet) step check_resnet 100 python3 -m benchmarks.gpu.bench "$work/models/resnet50-clothing/1" "$data/photos" ;;
    serve) step serve 150 python3 -m benchmarks.gpu.serve "$work/models/clothing/1" "$data/photos" --seconds 3 ;;
    *) echo "no step $name" && exit 2 ;;
  esac
done
echo "failed: ${failed[*]:-none}"
