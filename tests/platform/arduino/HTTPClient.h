// What the snippet for Arduino uses of the ESP32's libraries, over POSIX sockets: no TLS, no Wi-Fi, no memory of 320 KB.
#pragma once
#include <arpa/inet.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

class WiFiClientSecure {};

class String {
 public:
  String(const char *text = "") : text_(text) {}
  String(const std::string &text) : text_(text) {}
  int indexOf(const char *wanted) const { return found(text_.find(wanted)); }
  int indexOf(char wanted, int from) const { return found(text_.find(wanted, from)); }
  String substring(int from, int to) const { return text_.substr(from, to - from); }
  const std::string &std() const { return text_; }

 private:
  static int found(size_t at) { return at == std::string::npos ? -1 : static_cast<int>(at); }
  std::string text_;
};

inline String operator+(const char *left, const String &right) { return left + right.std(); }

class HTTPClient {
 public:
  void begin(WiFiClientSecure &, const String &url) {
    std::string rest = url.std().substr(url.std().find("//") + 2);
    size_t slash = rest.find('/'), colon = rest.find(':');
    port_ = std::atoi(rest.substr(colon + 1, slash - colon - 1).c_str());
    path_ = rest.substr(slash);
    headers_.clear();
  }
  void addHeader(const String &name, const String &value) { headers_ += name.std() + ": " + value.std() + "\r\n"; }
  int POST(const String &body) { return request("POST", body.std()); }
  int PUT(const String &body) { return request("PUT", body.std()); }
  String getString() { return answer_.substr(answer_.find("\r\n\r\n") + 4); }
  void end() {}

 private:
  int request(const std::string &method, const std::string &body) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(connection, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return -1;
    std::string sent = method + " " + path_ + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + headers_ +
                       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (write(connection, sent.data(), sent.size()) < 0) return -1;
    answer_.clear();
    char part[4096];
    for (ssize_t count; (count = read(connection, part, sizeof part)) > 0;) answer_.append(part, count);
    close(connection);
    return answer_.size() > 12 ? std::atoi(answer_.substr(9, 3).c_str()) : -1;
  }
  int port_ = 0;
  std::string path_, headers_, answer_;
};
