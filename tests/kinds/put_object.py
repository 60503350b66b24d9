# Puts one object: address, path, body. Signed by hand, so that no client has to be installed.
import datetime, hashlib, hmac, sys, urllib.request

address, path, body = sys.argv[1], sys.argv[2], sys.argv[3].encode()
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
digest = hashlib.sha256(body).hexdigest()
names = "host;x-amz-content-sha256;x-amz-date"
request = f"PUT\n{path}\n\nhost:{address}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{names}\n{digest}"
scope = f"{now[:8]}/us-east-1/s3/aws4_request"
text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
key = b"AWS4terrane-local"
for part in [*scope.split("/"), text]:
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
authorization = f"AWS4-HMAC-SHA256 Credential=terrane/{scope}, SignedHeaders={names}, Signature={key.hex()}"
headers = {"x-amz-date": now, "x-amz-content-sha256": digest, "Authorization": authorization}
urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", body, headers, method="PUT"))
