"""Configurations that break callbacks: each is refused with the code that the documentation names, and the doctor says why."""

import json

from processes import free_port
from world import CALLBACK, World

# By name: what stands in the server; what the uploader hears of OSS; the service's answer (none: it was not asked);
# the doctor's code and a part of his hint.
WRONG = {
    "query-added": ('set $args "$args&via=nginx"; proxy_pass http://oss_valet;', "403",
                    (403, "callback_signature_invalid"), ("callback_signature_invalid", "the query of --public-url was dropped or changed")),
    "query-dropped": (f"rewrite ^ {CALLBACK}? break; proxy_pass http://oss_valet;", "403",
                      (403, "callback_signature_invalid"), ("callback_signature_invalid", "the query of --public-url was dropped or changed")),
    "query-sorted": ('set $args "x=%2f&site=a%20b"; proxy_pass http://oss_valet;', "403",
                     (403, "callback_signature_invalid"), ("callback_signature_invalid", "the query of --public-url was dropped or changed")),
    "body-longer": ('proxy_set_body "$request_body&via=nginx"; proxy_pass http://oss_valet;', "403",
                    (403, "callback_signature_invalid"), ("callback_signature_invalid", "the body does not fit its Content-MD5")),
    "body-with-line-break": ('proxy_set_body "$request_body\\n"; proxy_pass http://oss_valet;', "403",
                             (403, "callback_signature_invalid"), ("callback_signature_invalid", "a line break was added at the body's end")),
    "body-dropped": ("proxy_pass_request_body off; proxy_set_header Content-Length 0; proxy_pass http://oss_valet;", "403",
                     (403, "callback_signature_invalid"), ("callback_signature_invalid", "the body does not fit its Content-MD5")),
    "no-authorization": ('proxy_set_header Authorization ""; proxy_pass http://oss_valet;', "400",
                         (400, "callback_malformed"), ("callback_malformed", "a proxy removed Authorization")),
    "own-authorization": ('proxy_set_header Authorization "Basic dXNlcjpwYXNz"; proxy_pass http://oss_valet;', "400",
                          (400, "callback_malformed"), ("callback_malformed", 'the scheme "Basic" in front')),
    "no-headers": ('proxy_set_header x-oss-pub-key-url ""; proxy_pass http://oss_valet;', "400",
                   (400, "callback_malformed"), ("callback_malformed", "a proxy removed the x-oss-… headers")),
    "path-encoded-again": ("proxy_pass http://oss_valet/v1/callbacks%252Foss;", "404", (404, "not_found"), None),
    "prefix-left-on": ("rewrite ^(.*)$ /valet$1 break; proxy_pass http://oss_valet;", "404", (404, "not_found"), None),
    "login": ('auth_basic "staff only"; auth_basic_user_file /dev/null; proxy_pass http://oss_valet;', "401", None, None),
    "redirect": ("return 301 https://$host$request_uri;", "301", None, None),
}


class Wrong(World):
    @classmethod
    def profiles(cls, _):
        cls.ports = {name: free_port() for name in WRONG}
        return {name: f"http://{name}.example.com:{port}{CALLBACK}?site=a%20b&x=%2f" for name, port in cls.ports.items()}

    @classmethod
    def servers(cls, recorder):
        return "".join(f"server {{ listen 127.0.0.1:{cls.ports[name]}; location / {{ {location} }} }}\n"
                       for name, (location, *_) in WRONG.items())

    def test_what_a_wrong_nginx_damages_is_refused_and_the_doctor_names_it(self):
        for name, (_, heard, answered, diagnosis) in WRONG.items():
            with self.subTest(name):
                self.recorder.clear()
                status, answer, _ = self.upload(name)
                self.assertEqual(status, 203, answer)
                self.assertIn(f"Error status : {heard}.", answer)
                callbacks = self.recorder.callbacks()
                if answered is None:
                    self.assertEqual(callbacks, [])
                    continue
                [callback] = callbacks
                self.assertEqual((callback.status, callback.code), answered)
                said = self.doctor(callback.request, name)
                if diagnosis is None:
                    self.assertIn("the service's route is", said["steps"][2]["detail"])
                    continue
                [step] = [step for step in said["steps"] if step["ok"] is False]
                self.assertEqual(step["code"], diagnosis[0])
                self.assertIn(diagnosis[1], step["hint"])

    def test_the_upload_is_not_lost_for_all_that(self):
        _, _, id = self.upload("query-added")
        _, status, body = self.ask(f"/v1/uploads/{id}/complete", {})
        self.assertEqual((status, json.loads(body)["state"]), (200, "completed"), body)
